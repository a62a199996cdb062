import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fqss_tf.runtime.chunking import chunk_order, chunk_starts, separate_blocks, separate_in_chunks

SEGMENT = 64
OVERLAP = 16


def two_sources(samples, seed=0):
    """Noise on a grid of 1/64, so that ``perfect`` can read both sources from one number."""
    generator = np.random.default_rng(seed)
    return generator.integers(-30, 31, (2, samples)).astype(np.float32) / 64


def coded_mixture(sources):
    """Both sources in one number, so that a toy network can take them apart exactly."""
    return (sources[0] + 1024 * sources[1]).astype(np.float32)


def perfect(segment):
    second = np.round(segment / 1024 * 64) / 64
    return np.stack([segment - 1024 * second, second]).astype(np.float32)


class SwappingAtRandom:
    def __init__(self, seed=1):
        self._generator = np.random.default_rng(seed)
        self.orders = []

    def __call__(self, segment):
        self.orders.append([0, 1] if not self.orders else list(self._generator.permutation(2)))
        return perfect(segment)[self.orders[-1]]


@given(st.integers(1, 400), st.integers(0, SEGMENT - 1))
def test_a_perfect_network_gives_its_sources_at_any_length_and_overlap(samples, overlap):
    sources = two_sources(samples)
    joined = separate_in_chunks(coded_mixture(sources), perfect, SEGMENT, overlap)
    assert joined.dtype == np.float32
    np.testing.assert_allclose(joined, sources, atol=1e-6)


@given(st.integers(1, 1000), st.integers(0, 2**31))
def test_sources_swapped_in_each_chunk_keep_their_order(samples, seed):
    sources = two_sources(samples, seed)
    forward = SwappingAtRandom(seed)
    joined = separate_in_chunks(coded_mixture(sources), forward, SEGMENT, OVERLAP)
    np.testing.assert_allclose(joined, sources, atol=1e-6)


def test_the_toy_network_does_swap():
    forward = SwappingAtRandom()
    separate_in_chunks(coded_mixture(two_sources(2000)), forward, SEGMENT, OVERLAP)
    assert [0, 1] in forward.orders and [1, 0] in forward.orders


def test_sources_with_names_keep_the_order_of_the_network():
    sources = two_sources(2000)
    forward = SwappingAtRandom()
    joined = separate_in_chunks(
        coded_mixture(sources), forward, SEGMENT, OVERLAP, order=chunk_order(True)
    )
    assert [1, 0] in forward.orders
    assert not np.allclose(joined, sources, atol=0.1)


def test_three_sources_are_put_in_order_too():
    generator = np.random.default_rng(0)
    bits = generator.integers(0, 2, (3, 500))
    orders = iter([[0, 1, 2], [2, 0, 1], [1, 2, 0], [2, 1, 0], [0, 2, 1]] * 10)

    def forward(segment):
        number = np.round(segment).astype(int)
        return np.stack([number >> k & 1 for k in range(3)]).astype(np.float32)[next(orders)]

    joined = separate_in_chunks((bits.T @ [1, 2, 4]).astype(np.float32), forward, SEGMENT, 32)
    np.testing.assert_allclose(joined, bits, atol=1e-6)


def test_the_middle_of_the_shared_samples_decides_on_the_order():
    """Near its edges a chunk may mistake one source for the other, even at a higher level."""
    sources = two_sources(SEGMENT + 48)
    is_edge = np.zeros(SEGMENT, bool)
    is_edge[: OVERLAP // 4] = is_edge[OVERLAP - OVERLAP // 4 : OVERLAP] = True

    def forward(segment):
        estimates = perfect(segment)
        if forward.is_second_chunk:
            estimates[:, is_edge] = 1.5 * estimates[::-1, is_edge]
        forward.is_second_chunk = True
        return estimates

    forward.is_second_chunk = False
    joined = separate_in_chunks(coded_mixture(sources), forward, SEGMENT, OVERLAP)
    np.testing.assert_allclose(joined[:, SEGMENT:], sources[:, SEGMENT:], atol=1e-6)


def test_shared_samples_are_faded_linearly():
    levels = iter([1.0, 2.0])

    def forward(segment):
        return np.full((1, len(segment)), next(levels), np.float32)

    joined = separate_in_chunks(np.zeros(SEGMENT + 48, np.float32), forward, SEGMENT, OVERLAP)[0]
    fade = joined[SEGMENT - OVERLAP : SEGMENT]
    assert (joined[: SEGMENT - OVERLAP] == 1).all() and (joined[SEGMENT:] == 2).all()
    np.testing.assert_allclose(np.diff(fade), 1 / (OVERLAP + 1), rtol=1e-4)
    assert 1 < fade[0] < fade[-1] < 2


def test_a_short_last_chunk_is_filled_with_zeros():
    seen = []

    def forward(segment):
        seen.append(segment.copy())
        return segment[np.newaxis]

    separate_in_chunks(np.ones(70, np.float32), forward, SEGMENT, OVERLAP)
    assert [len(segment) for segment in seen] == [SEGMENT, SEGMENT]
    assert seen[1][:22].all() and not seen[1][22:].any()


@given(
    st.integers(1, 500), st.integers(0, SEGMENT - 1), st.lists(st.integers(0, 150), max_size=20)
)
def test_blocks_of_any_lengths_give_what_the_whole_gives(samples, overlap, lengths):
    mixture = coded_mixture(two_sources(samples))
    whole = separate_in_chunks(mixture, perfect, SEGMENT, overlap)
    blocks = np.split(mixture, np.minimum(np.cumsum(lengths, dtype=int), samples))
    parts = list(separate_blocks(blocks, perfect, SEGMENT, overlap))
    assert np.array_equal(np.concatenate(parts, axis=1), whole)
    assert len(parts) == len(chunk_starts(samples, SEGMENT, overlap)) + 1


def test_a_sample_comes_back_within_a_segment():
    given_samples, returned = 0, 0

    def blocks():
        nonlocal given_samples
        for start in range(0, 1000, 7):
            given_samples += 7
            yield mixture[start : start + 7]
            assert given_samples - returned < SEGMENT

    mixture = coded_mixture(two_sources(1001))
    for part in separate_blocks(blocks(), perfect, SEGMENT, OVERLAP):
        returned += part.shape[1]


def test_integers_are_faded_in_whole_numbers():
    levels = iter([-32768, 32767])

    def forward(segment):
        return np.full((1, len(segment)), next(levels), np.int16)

    silence = np.zeros(SEGMENT + 48, np.int16)
    joined = np.concatenate(list(separate_blocks([silence], forward, SEGMENT, OVERLAP)), axis=1)[0]
    assert joined.dtype == np.int16
    exact = -32768 + 65535 * np.arange(1, OVERLAP + 1) / (OVERLAP + 1)
    assert np.abs(joined[SEGMENT - OVERLAP : SEGMENT] - exact).max() <= 0.5
    assert (joined[: SEGMENT - OVERLAP] == -32768).all() and (joined[SEGMENT:] == 32767).all()


@given(st.integers(1, 500), st.integers(0, SEGMENT - 1))
def test_no_chunk_is_run_for_nothing(samples, overlap):
    starts = chunk_starts(samples, SEGMENT, overlap)
    assert starts[-1] + SEGMENT >= samples
    assert len(starts) == 1 or starts[-2] + SEGMENT < samples


@pytest.mark.parametrize("overlap", [-1, SEGMENT, SEGMENT + 1])
def test_an_impossible_overlap_is_refused(overlap):
    with pytest.raises(ValueError, match="overlap"):
        separate_in_chunks(np.zeros(100, np.float32), perfect, SEGMENT, overlap)


def test_progress_counts_every_chunk():
    calls = []
    mixture = coded_mixture(two_sources(300))
    separate_in_chunks(mixture, perfect, SEGMENT, OVERLAP, lambda *call: calls.append(call))
    assert calls == [(done, 6) for done in range(1, 7)]
