import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fqss_tf.analysis.excerpts import Reference, cut_excerpts, referenced, spread
from fqss_tf.errors import FqssError


def mixture(sources, name="a"):
    return name, 0.0, np.sum(sources, axis=0), np.asarray(sources)


def test_an_excerpt_lies_where_both_sources_speak():
    sources = np.zeros((2, 4000), np.float32)
    sources[0, 500:3000] = 0.5
    sources[1, 2000:3500] = 0.01
    (excerpt,) = cut_excerpts([mixture(sources)], 800)
    # 800 of 2500 samples of the one, as much as there can be, and as large a part of the other.
    assert (excerpt.sources[0] != 0).sum() == 800
    assert (excerpt.sources[1] != 0).sum() >= 800 / 2500 * 1500


@given(st.integers(1, 3000), st.integers(1, 1500), st.integers(0, 5))
def test_an_excerpt_is_a_piece_of_the_levelled_mixture(length, samples, seed):
    sources = np.random.default_rng(seed).uniform(-0.1, 0.1, (2, length)).astype(np.float32)
    (excerpt,) = cut_excerpts([mixture(sources)], samples)
    assert excerpt.mixture.shape == (samples,) and excerpt.length == min(samples, length)
    assert np.abs(excerpt.mixture).max() <= 1 + 1e-6
    heard = excerpt.mixture[: excerpt.length]
    assert heard == pytest.approx(excerpt.sources.sum(axis=0), abs=1e-5)
    assert np.all(excerpt.mixture[excerpt.length :] == 0)
    whole = sources.sum(axis=0) / np.abs(sources.sum(axis=0)).max()
    assert any(
        np.allclose(whole[start : start + excerpt.length], heard, atol=1e-5)
        for start in range(length - excerpt.length + 1)
    )


def test_float_estimates_come_in_the_order_of_the_sources():
    sources = np.random.default_rng(0).uniform(-0.5, 0.5, (2, 400)).astype(np.float32)
    (excerpt,) = cut_excerpts([mixture(sources)], 500)
    padded = np.pad(excerpt.sources[::-1], ((0, 0), (0, 100)))
    reference = referenced(excerpt, padded)
    assert reference.order == (1, 0)
    assert np.array_equal(reference.estimates, excerpt.sources)
    with pytest.raises(FqssError, match="NaN or infinite samples for a"):
        referenced(excerpt, padded * np.nan)


def test_a_few_references_span_all_of_them():
    references = [
        Reference(None, None, np.array([sdr, -30.0]), (0, 1)) for sdr in (3, 1, 9, 7, 5, 0, 30)
    ]
    assert [reference.sdr.max() for reference in spread(references, 3)] == [0, 5, 30]
    assert len(spread(references, 20)) == 7
    assert [reference.sdr.max() for reference in spread(references, 1)] == [30]
