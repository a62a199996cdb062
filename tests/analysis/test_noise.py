import numpy as np
import pytest

from fqss_tf.analysis import theory
from fqss_tf.analysis.excerpts import cut_excerpts, referenced
from fqss_tf.analysis.noise import noise_rows, output_bound, ratio_db
from fqss_tf.errors import FqssError

SAMPLES = 50_000


@pytest.fixture
def reference():
    """Two noises, and estimates with errors of -20 and -10 dB, in swapped order."""
    rng = np.random.default_rng(0)
    sources = 0.1 * rng.standard_normal((2, SAMPLES))
    (excerpt,) = cut_excerpts([("a", 0.0, sources.sum(axis=0), sources)], SAMPLES)
    errors = rng.standard_normal((2, SAMPLES)) * excerpt.sources.std() * [[0.1], [0.316]]
    return referenced(excerpt, (excerpt.sources + errors)[::-1])


def swapped(reference, added=0.0):
    return (reference.estimates + added)[::-1]


def test_independent_noise_is_predicted(reference):
    noise = np.random.default_rng(1).uniform(-0.01, 0.01, (2, SAMPLES))
    rows = noise_rows(reference, swapped(reference, noise))
    assert [row["source"] for row in rows] == [1, 2]
    for row, estimate, own, float_sdr in zip(
        rows, reference.estimates, noise, (20, 10), strict=True
    ):
        assert row["float_sdr"] == pytest.approx(float_sdr, abs=0.2)
        assert row["sqnr"] == pytest.approx(10 * np.log10(estimate.var() / own.var()), abs=0.01)
        assert row["sdr"] == pytest.approx(row["predicted"], abs=0.1)
        assert abs(row["source_correlation"]) < 0.02
        assert abs(row["error_correlation"]) < 0.02


def test_what_breaks_independence_is_named(reference):
    error = reference.estimates - reference.excerpt.sources
    for row in noise_rows(reference, swapped(reference, 0.5 * error)):
        assert row["error_correlation"] == pytest.approx(1, abs=0.01)
        assert row["sdr"] < row["predicted"] - 0.5
    for row in noise_rows(reference, swapped(reference, -0.5 * error)):
        assert row["error_correlation"] == pytest.approx(-1, abs=0.01)
        assert row["sdr"] > row["predicted"] + 0.5
    for row in noise_rows(reference, swapped(reference, 0.5 * reference.excerpt.sources)):
        assert row["source_correlation"] == pytest.approx(1, abs=0.01)
        assert row["sdr"] > row["float_sdr"]


def test_an_offset_is_no_noise(reference):
    for row in noise_rows(reference, swapped(reference, 0.25)):
        assert row["sqnr"] > 100
        assert row["sdr"] == pytest.approx(row["float_sdr"], abs=1e-3)


def test_the_bound_of_an_output_is_what_rounding_leaves(reference):
    step = 2.0**-6
    rounded = np.round(reference.estimates / step) * step
    for row in noise_rows(reference, rounded[::-1]):
        bound = output_bound(reference, row["source"] - 1, bits=7)
        assert row["sdr"] == pytest.approx(bound, abs=0.1)
        assert bound < output_bound(reference, row["source"] - 1, bits=8) < row["float_sdr"]


def test_nan_is_refused_with_its_utterance(reference):
    with pytest.raises(FqssError, match="infinite samples for a"):
        noise_rows(reference, swapped(reference, np.nan))


def test_equal_signals_have_a_finite_ratio():
    assert ratio_db(np.ones(3), np.zeros(3)) == 200
    assert ratio_db(np.zeros(3), np.zeros(3)) == 0
    assert theory.target_sqnr_db(10.0, ratio_db(np.ones(4), np.full(4, 0.1))) == pytest.approx(
        20 - 10 * np.log10(1.1)
    )
