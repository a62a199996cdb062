"""Separating a recording of any length by a network of one fixed length.

Float, quantised-in-training and .tflite models all go through here, so that their scores differ
by the model alone.
"""

from itertools import permutations

import numpy as np


def default_overlap(segment):
    """Samples that neighbouring chunks share, for a segment of that many samples."""
    return segment // 4


def chunk_starts(length, segment, overlap):
    """Where the chunks begin that cover ``length`` samples; a range, never empty."""
    if not 0 <= overlap < segment:
        raise ValueError(f"overlap {overlap} must be at least 0 and below the segment {segment}")
    return range(0, max(length - overlap, 1), segment - overlap)


def separate_in_chunks(mixture, forward, segment, overlap, progress=None):
    """Separates a mixture chunk by chunk and joins the chunks.

    A network trained without a fixed order of sources may give them in another order in each
    chunk. The order is kept constant by what the chunks themselves say in the samples that they
    share, never by the true sources. Shared samples are cross-faded linearly. The last chunk is
    filled up with zeros.

    Args:
        mixture: float32 [samples].
        forward: function float32 [segment] -> float32 [sources, segment].
        segment: samples per chunk.
        overlap: samples shared by neighbouring chunks, 0 <= overlap < segment. With 0 there is
            nothing to compare and the order is left as it comes.
        progress: called as ``progress(done, total)`` after each chunk, if given.

    Returns:
        float32 [sources, samples].
    """
    length = len(mixture)
    starts = chunk_starts(length, segment, overlap)
    joined = None
    for done, start in enumerate(starts, 1):
        piece = mixture[start : start + segment]
        estimates = forward(_filled(piece, segment))[:, : len(piece)]
        if joined is None:
            joined = np.zeros((len(estimates), length), np.float32)
            joined[:, : len(piece)] = estimates
        else:
            _append(joined, estimates, start, overlap)
        if progress is not None:
            progress(done, len(starts))
    return joined


def _filled(piece, segment):
    return np.pad(np.asarray(piece, np.float32), (0, segment - len(piece)))


def _append(joined, estimates, start, overlap):
    before = joined[:, start : start + overlap]
    estimates = estimates[list(_matching_order(before, estimates[:, :overlap]))]
    fade_in = (np.arange(overlap, dtype=np.float32) + 1) / (overlap + 1)
    before += fade_in * (estimates[:, :overlap] - before)
    joined[:, start + overlap : start + estimates.shape[1]] = estimates[:, overlap:]


def _matching_order(before, after):
    """The order of ``after`` with the highest summed correlation to ``before``.

    The correlation is not normalised: that order is then also the one of least squared
    difference, and a nearly silent source has no more to say than its energy. The first of equal
    orders wins, which is the unchanged one.
    """
    correlation = before.astype(np.float64) @ after.astype(np.float64).T
    sources = range(len(before))
    return max(permutations(sources), key=lambda order: correlation[sources, order].sum())
