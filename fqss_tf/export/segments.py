"""Mixtures cut to the static length of an exported graph."""

from collections.abc import Iterable

import numpy as np

from fqss_tf.audio.levels import at_peak_1
from fqss_tf.types import MixturePair


def levelled_segments(mixtures: Iterable[MixturePair], samples: int) -> list[MixturePair]:
    """Cuts or pads each mixture to ``samples``, at peak 1, and its sources with it.

    Args:
        mixtures: (mixture [T], sources [S, T]) pairs.
        samples: length of the segments.

    Returns:
        Pairs (mixture float32 [samples], sources float32 [S, samples]); sources keep their level.
    """
    pairs = []
    for mixture, sources in mixtures:
        cut = np.zeros(samples, np.float32)
        cut[: min(samples, len(mixture))] = mixture[:samples]
        targets = np.zeros((len(sources), samples), np.float32)
        targets[:, : min(samples, len(mixture))] = sources[:, :samples]
        pairs.append((at_peak_1(cut), targets))
    return pairs
