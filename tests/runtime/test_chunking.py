import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fqss_tf.runtime.chunking import chunk_starts, separate_in_chunks

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


def test_three_sources_are_put_in_order_too():
    generator = np.random.default_rng(0)
    bits = generator.integers(0, 2, (3, 500))
    orders = iter([[0, 1, 2], [2, 0, 1], [1, 2, 0], [2, 1, 0], [0, 2, 1]] * 10)

    def forward(segment):
        number = np.round(segment).astype(int)
        return np.stack([number >> k & 1 for k in range(3)]).astype(np.float32)[next(orders)]

    joined = separate_in_chunks((bits.T @ [1, 2, 4]).astype(np.float32), forward, SEGMENT, 32)
    np.testing.assert_allclose(joined, bits, atol=1e-6)


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
