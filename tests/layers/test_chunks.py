"""Chunks against the definition: a loop over the starts of all chunks."""

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from fqss_tf.layers.chunks import ChannelsToSources, OverlapAdd, SplitIntoChunks


def published_chunks(sequence, size, hop):
    """(chunks [S, size, C], start of each in the sequence), as the publishers' code has them."""
    frames = len(sequence)
    if hop is None:  # speechbrain and FQSS
        half = size // 2
        gap = size - (half + frames % size) % size
        margin, end = half, gap + half
        rows = (frames + half + gap) // size
        starts = sorted(j * size + offset for j in range(rows) for offset in (0, half))
    else:  # asteroid
        margin, end = size, size
        starts = [j * hop for j in range((frames + size) // hop + 1)]
    padded = np.pad(sequence, ((margin, end), (0, 0)))
    return np.stack([padded[start : start + size] for start in starts]), np.array(starts) - margin


SIZES = st.one_of(
    st.tuples(st.integers(2, 9), st.none()),
    st.integers(1, 9).flatmap(lambda size: st.tuples(st.just(size), st.integers(1, size))),
)


@settings(max_examples=60)
@given(size_and_hop=SIZES, frames=st.integers(1, 40))
def test_chunks_and_their_sum_equal_the_published_ones(size_and_hop, frames):
    size, hop = size_and_hop
    sequence = np.random.default_rng(frames).normal(size=(frames, 3)).astype(np.float32)
    chunks, starts = published_chunks(sequence, size, hop)
    ours = SplitIntoChunks(size, hop)(sequence[None, None])
    np.testing.assert_array_equal(ours[0], chunks)
    weights = np.random.default_rng(0).normal(size=chunks.shape).astype(np.float32)
    total = np.zeros((frames, 3), np.float32)
    for chunk, start in zip(weights, starts, strict=True):
        for position, values in enumerate(chunk, start):
            if 0 <= position < frames:
                total[position] += values
    summed = OverlapAdd(size, hop)([weights[None], sequence[None, None]])
    np.testing.assert_allclose(summed[0, 0], total, atol=1e-5)


@pytest.mark.parametrize("size, hop", [(6, None), (7, None), (6, 3), (7, 3), (5, 5)])
@pytest.mark.parametrize("frames", [5, 6, 12, 17])
def test_unknown_lengths_and_batches_give_the_same(size, hop, frames):
    sequence = np.random.default_rng(0).normal(size=(2, 1, frames, 3)).astype(np.float32)
    segment, overlap_add = SplitIntoChunks(size, hop), OverlapAdd(size, hop)

    @tf.function(input_signature=[tf.TensorSpec([None, 1, None, 3])], autograph=False)
    def unknown(values):
        chunks = segment(values)
        return chunks, overlap_add([chunks, values])

    chunks, summed = unknown(sequence)
    np.testing.assert_array_equal(chunks, segment(sequence))
    np.testing.assert_array_equal(summed, overlap_add([segment(sequence), sequence]))


def test_channels_of_a_source_stay_together():
    channels = np.arange(12.0).reshape(1, 1, 2, 6)
    apart = ChannelsToSources(2)(channels)
    np.testing.assert_array_equal(apart[0, 0], channels[0, 0, :, :3])
    np.testing.assert_array_equal(apart[0, 1], channels[0, 0, :, 3:])
