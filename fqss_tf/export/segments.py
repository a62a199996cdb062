"""Mixtures cut to the static length of an exported graph."""

import numpy as np


def levelled_segments(mixtures, samples):
    """The first ``samples`` of each mixture, padded with zeros, at peak 1, with its sources.

    Args:
        mixtures: (mixture [T], sources [S, T]) pairs.

    Returns:
        List of (mixture float32 [samples], sources float32 [S, samples]); sources keep their level.
    """
    pairs = []
    for mixture, sources in mixtures:
        cut = np.zeros(samples, np.float32)
        cut[: min(samples, len(mixture))] = mixture[:samples]
        targets = np.zeros((len(sources), samples), np.float32)
        targets[:, : min(samples, len(mixture))] = sources[:, :samples]
        pairs.append((cut / max(np.abs(cut).max(), 1e-8), targets))
    return pairs
