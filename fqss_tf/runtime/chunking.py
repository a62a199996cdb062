"""Separating a recording of any length by a network of one fixed length.

Float, quantized-in-training and .tflite models all go through here, so that their scores differ
by the model alone.
"""

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import permutations
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from fqss_tf.types import Samples, Sources, Waveform

# Of one type throughout: 16-bit samples come back as such, floats as floats.
Sound = TypeVar("Sound", NDArray[np.int16], NDArray[np.float32])

PARTS = 20  # of the shared samples, each of which has one vote on the order of the sources


def default_overlap(segment: int) -> int:
    """Returns how many samples neighbouring chunks share, for a segment of ``segment`` samples."""
    return segment // 4


def chunk_starts(length: int, segment: int, overlap: int) -> range:
    """Returns the first sample of each chunk, so that together they cover ``length`` samples.

    There is always one chunk, even of a recording without samples.

    Raises:
        ValueError: the overlap is negative, or not below the segment.
    """
    _check_overlap(segment, overlap)
    return range(0, max(length - overlap, 1), segment - overlap)


def separate_in_chunks(
    mixture: Waveform,
    forward: Callable[[Waveform], Sources],
    segment: int,
    overlap: int,
    progress: Callable[[int, int], None] | None = None,
    order: Callable[[Sources, Sources], Sequence[int]] | None = None,
) -> Sources:
    """Separates a whole mixture chunk by chunk, as ``separate_blocks`` does.

    The last chunk is filled up with zeros.

    Args:
        mixture: float32 [samples], or [samples, channels].
        forward: function float32 [segment] -> float32 [sources, segment], or with channels at the
            end of both.
        segment: samples per chunk.
        overlap: samples shared by neighbouring chunks, 0 <= overlap < segment.
        progress: called as ``progress(done, total)`` in chunks after each chunk, if given.
        order: as for ``separate_blocks``.

    Returns:
        float32 [sources, samples], or [sources, samples, channels].

    Raises:
        ValueError: the overlap is negative, or not below the segment.
    """
    chunks = len(chunk_starts(len(mixture), segment, overlap))
    parts = []
    blocks = [np.asarray(mixture, np.float32)]

    def filled_up(piece: Waveform) -> Sources:
        filling = np.zeros((segment - len(piece), *piece.shape[1:]), np.float32)
        return forward(np.concatenate([piece, filling]))[:, : len(piece)]

    for part in separate_blocks(blocks, filled_up, segment, overlap, order):
        parts.append(part)
        if progress is not None and len(parts) <= chunks:
            progress(len(parts), chunks)
    return np.concatenate(parts, axis=1)


def separate_blocks(
    blocks: Iterable[Sound],
    forward: Callable[[Sound], Sound],
    segment: int,
    overlap: int,
    order: Callable[[Sound, Sound], Sequence[int]] | None = None,
) -> Iterator[Sound]:
    """Separates a mixture that comes in blocks, chunk by chunk, and joins the chunks.

    A network trained without a fixed order of sources may give them in another order in each
    chunk. The order is kept constant by what the chunks themselves say in the samples that they
    share, never by the true sources. Shared samples are cross-faded linearly. Memory is that of
    some chunks, whatever the length of the mixture.

    Args:
        blocks: iterable of float32 or int16 [samples], of any lengths, or all float32 [samples,
            channels].
        forward: function [samples] -> [sources, samples] of the type of the blocks, or of
            [samples, channels] -> [sources, samples, channels]; it is given a whole segment but at
            the end.
        segment: samples per chunk.
        overlap: samples shared by neighbouring chunks, 0 <= overlap < segment. With 0 there is
            nothing to compare and the order is left as it comes.
        order: function of the shared samples of two chunks that gives the order of the second;
            ``matching_order`` if None.

    Yields:
        What ``forward`` gives, once per chunk, and the rest of the last: together the whole
        mixture.
        A sample comes back when ``segment`` samples from its chunk's start on have been given.

    Raises:
        ValueError: the overlap is negative, or not below the segment.
    """
    order = order or matching_order
    tail: Sound | None = None
    for piece in _pieces(blocks, segment, overlap):
        estimates = forward(piece)
        if tail is not None:
            shared = tail.shape[1]
            estimates = estimates[list(order(tail, estimates[:, :shared]))]
            faded = _cross_faded(tail, estimates[:, :shared])
            estimates = np.concatenate([faded, estimates[:, shared:]], axis=1)
        final = max(estimates.shape[1] - overlap, 0)
        tail = estimates[:, final:]
        yield estimates[:, :final]
    assert tail is not None  # there is always a chunk
    yield tail


def _pieces(blocks: Iterable[Sound], segment: int, overlap: int) -> Iterator[Sound]:
    """Cuts chunks that share ``overlap`` samples; the last has at most ``segment`` samples."""
    _check_overlap(segment, overlap)
    waiting: Sound | None = None
    is_first = True
    for block in blocks:
        waiting = block if waiting is None else np.concatenate([waiting, block])
        while len(waiting) >= segment:
            yield waiting[:segment]
            waiting, is_first = waiting[segment - overlap :], False
    if waiting is None:
        waiting = np.zeros(0, np.float32)
    if is_first or len(waiting) > overlap:
        yield waiting


def _check_overlap(segment: int, overlap: int) -> None:
    if not 0 <= overlap < segment:
        raise ValueError(f"overlap {overlap} must be at least 0 and below the segment {segment}")


def _cross_faded(before: Sound, after: Sound) -> Sound:
    """From one [sources, samples, ...] to the other, linearly; int16 in whole numbers, rounded."""
    samples = before.shape[1]
    if before.dtype == np.int16:
        steps = np.arange(1, samples + 1)
        weighted = before * (samples + 1 - steps) + after * steps
        return ((weighted + (samples + 1) // 2) // (samples + 1)).astype(np.int16)
    fade_in = (np.arange(samples, dtype=np.float32) + 1) / (samples + 1)
    return before + fade_in.reshape(-1, *[1] * (before.ndim - 2)) * (after - before)


def chunk_order(has_named_sources: bool) -> Callable[[Samples, Samples], Sequence[int]]:
    """Returns the ``order`` of ``separate_blocks``: that of sources with names is as it is."""
    return _same_order if has_named_sources else matching_order


def matching_order(before: Samples, after: Samples) -> tuple[int, ...]:
    """Returns which source of ``after`` goes on with each source of ``before``.

    The order is the one that fits most short parts, and not the one that fits most of the energy.
    In each part the correlation of the sources, less what they have in common, is divided by its
    largest possible value. One loud part in which the sources are hardly told apart then says as
    little as it knows. The middle counts most, by a Hann window: towards its edges a chunk lacks
    what the network would look at. The first of equal orders wins, which is the unchanged one.

    Args:
        before: [sources, samples] or [sources, samples, channels], int16 or float32.
        after: the same samples as another chunk has them, of the same shape.
    """
    before, after = (each.reshape(len(each), math.prod(each.shape[1:])) for each in (before, after))
    sources, samples = before.shape
    size = max(samples // PARTS, 1)

    def parts(estimates: Samples) -> NDArray[np.float64]:
        apart = estimates.astype(np.float64) - estimates.mean(axis=0)
        return apart[:, : samples // size * size].reshape(sources, -1, size)

    of_before, of_after = parts(before), parts(after)
    correlation = np.einsum("ips,jps->pij", of_before, of_after)
    largest = np.sqrt((of_before**2).sum(axis=(0, 2)) * (of_after**2).sum(axis=(0, 2)))
    weight = np.hanning(len(largest) + 2)[1:-1] / np.maximum(largest, np.finfo(float).tiny)
    total = np.tensordot(weight, correlation, 1)
    return max(
        permutations(range(sources)), key=lambda order: total[range(sources), order].sum()
    )


def _same_order(before: Samples, after: Samples) -> range:
    return range(len(before))
