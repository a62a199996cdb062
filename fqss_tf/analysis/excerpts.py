"""The part of each mixture that is analyzed: as long as one segment, where all sources speak."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fqss_tf.audio.levels import peak_gain
from fqss_tf.errors import FqssError
from fqss_tf.metrics import pit_si_sdr
from fqss_tf.types import NamedMixture, Sources, Waveform

PLACES_PER_EXCERPT = 8


@dataclass(frozen=True)
class Excerpt:
    """A piece of a mixture at the level that the network sees, float32, and its sources.

    ``mixture`` is [samples] and filled up with zeros behind ``length``; ``sources`` is [sources,
    length], at the same gain.
    """

    utterance: str
    mixture: Waveform
    sources: Sources

    @property
    def length(self) -> int:
        """Samples of the mixture that are not filled up."""
        return self.sources.shape[1]


@dataclass(frozen=True)
class Reference:
    """An excerpt and the float network's estimates of it, in the order of the true sources.

    ``estimates`` is [sources, length]; ``sdr`` is its SI-SDR in dB, [sources]; ``order`` is what
    brought the network's outputs into this order, and brings those of its quantized twin there.
    """

    excerpt: Excerpt
    estimates: Sources
    sdr: NDArray[np.float64]
    order: tuple[int, ...]


def cut_excerpts(
    mixtures: Iterable[NamedMixture], samples: int
) -> list[Excerpt]:
    """Cuts an excerpt out of each mixture: where the source that is worst off has most energy.

    Args:
        mixtures: as ``fqss_tf.evaluation.load_mixtures`` gives them.
        samples: length of an excerpt; a shorter mixture is filled up with zeros.
    """
    return [
        _excerpt(name, mixture * peak_gain(mixture), sources * peak_gain(mixture), samples)
        for name, _, mixture, sources in mixtures
    ]


def _excerpt(name: str, mixture: Waveform, sources: Sources, samples: int) -> Excerpt:
    energy = np.cumsum(np.square(sources, dtype=float), axis=1)
    energy = np.pad(energy / np.maximum(energy[:, -1:], 1e-20), ((0, 0), (1, 0)))
    last_start = max(len(mixture) - samples, 0)
    starts = np.arange(0, last_start + 1, max(samples // PLACES_PER_EXCERPT, 1))
    ends = np.minimum(starts + samples, len(mixture))
    start = starts[np.argmax((energy[:, ends] - energy[:, starts]).min(axis=0))]
    piece = slice(start, start + samples)
    padded = np.pad(mixture[piece], (0, samples - len(mixture[piece]))).astype(np.float32)
    return Excerpt(name, padded, sources[:, piece].astype(np.float32))


def referenced(excerpt: Excerpt, estimates: Sources) -> Reference:
    """Makes the Reference of float estimates, float32 [sources, samples].

    Raises:
        FqssError: they are NaN or infinite.
    """
    estimates = estimates[:, : excerpt.length]
    if not np.isfinite(estimates).all():
        raise FqssError(f"the float network gives NaN or infinite samples for {excerpt.utterance}")
    sdr, order = pit_si_sdr(estimates, excerpt.sources)
    return Reference(excerpt, estimates[list(order)], sdr, order)


def check_separated(references: Iterable[Reference], least_sdr: float) -> None:
    """Refuses references none of which has a source of ``least_sdr`` dB, before the long work.

    Raises:
        FqssError: so it is.
    """
    if max(reference.sdr.max() for reference in references) < least_sdr:
        raise FqssError(
            f"no source has a float SI-SDR of {least_sdr:g} dB or more: take other mixtures, such "
            "as a sweep of level differences, or a smaller --least-sdr"
        )


def spread(references: Iterable[Reference], count: int) -> list[Reference]:
    """Picks ``count`` references, evenly over the range of their best source's float SI-SDR.

    A single one is that of the highest SI-SDR, which counts whatever ``least_sdr`` is.
    """
    ranked = sorted(references, key=lambda reference: reference.sdr.max(), reverse=True)
    places = np.linspace(0, len(ranked) - 1, min(count, len(ranked))).round().astype(int)
    return [ranked[place] for place in places[::-1]]
