import doctest

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fqss_tf.analysis import theory
from fqss_tf.metrics import si_sdr

SAMPLES = 200_000


def test_the_examples_hold():
    assert doctest.testmod(theory).failed == 0


@pytest.mark.parametrize("bits", [6, 8, 12, 16])
@pytest.mark.parametrize("float_sdr", [-5.0, 5.0, 15.0, 30.0])
def test_rounding_gives_the_predicted_sdr(bits, float_sdr):
    rng = np.random.default_rng(bits)
    source = rng.laplace(size=SAMPLES)
    error = rng.standard_normal(SAMPLES)
    error *= np.linalg.norm(source) / np.linalg.norm(error) * 10 ** (-float_sdr / 20)
    estimate = source + error
    estimate /= np.abs(estimate).max()
    step = 2.0 ** (1 - bits)
    rounded = np.round(estimate / step) * step
    sqnr = theory.waveform_sqnr_db(bits, theory.crest_factor_db(estimate))
    measured = 10 * np.log10(np.sum(estimate**2) / np.sum((rounded - estimate) ** 2))
    assert measured == pytest.approx(sqnr, abs=0.1)
    before = float(si_sdr(estimate, source))
    predicted = theory.quantized_sdr_db(before, theory.target_sqnr_db(before, sqnr))
    assert float(si_sdr(rounded, source)) == pytest.approx(predicted, abs=0.1)


@pytest.mark.parametrize("sqnr", [0.0, 10.0, 20.0, 40.0])
@pytest.mark.parametrize("float_sdr", [-10.0, 0.0, 10.0, 20.0])
def test_uniform_noise_gives_the_predicted_sdr(float_sdr, sqnr):
    rng = np.random.default_rng(0)
    source = rng.standard_normal(SAMPLES)
    estimate = source + rng.standard_normal(SAMPLES) * 10 ** (-float_sdr / 20)
    power = np.mean(estimate**2) * 10 ** (-sqnr / 10)
    noise = rng.uniform(-1, 1, SAMPLES) * np.sqrt(3 * power)
    before = float(si_sdr(estimate, source))
    predicted = theory.quantized_sdr_db(before, theory.target_sqnr_db(before, sqnr))
    assert float(si_sdr(estimate + noise, source)) == pytest.approx(predicted, abs=0.1)


def test_noise_that_follows_the_error_is_not_what_the_formula_describes():
    rng = np.random.default_rng(1)
    source, error = rng.standard_normal((2, SAMPLES))
    error *= 0.1
    predicted = theory.quantized_sdr_db(20.0, 20.0)
    assert predicted == pytest.approx(16.99, abs=0.01)
    assert float(si_sdr(source + 2 * error, source)) == pytest.approx(13.98, abs=0.1)
    assert float(si_sdr(source + 0 * error, source)) > 60


@given(st.floats(-10, 40), st.floats(0.01, 10))
def test_the_needed_sqnr_costs_what_it_may(float_sdr, loss):
    sqnr = theory.needed_sqnr_db(float_sdr, loss)
    assert theory.quantized_sdr_db(float_sdr, sqnr) == pytest.approx(float_sdr - loss)


@given(st.floats(-20, 40), st.floats(-20, 80))
def test_noise_never_helps_and_hurts_high_sdr_most(float_sdr, sqnr):
    loss = float_sdr - theory.quantized_sdr_db(float_sdr, sqnr)
    loss_above = float_sdr + 3 - theory.quantized_sdr_db(float_sdr + 3, sqnr)
    assert 0 <= loss <= loss_above


def test_a_bit_is_six_decibels():
    assert theory.waveform_sqnr_db(9, 10) - theory.waveform_sqnr_db(8, 10) == pytest.approx(6.0206)
    assert theory.waveform_sqnr_db(8, 10, peak=0.5) == pytest.approx(theory.waveform_sqnr_db(7, 10))
