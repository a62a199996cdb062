import types

import numpy as np
import pytest
import tensorflow as tf

from fqss_tf.layers import energy as energy_module
from fqss_tf.layers.energy import (
    MOST_VALUES,
    item_power,
    mean_in_steps,
    mean_square,
    weighted_mean,
    weighted_mean_square,
)


def rounded(step):
    return lambda values: tf.round(values / step) * step


def unchanged(values):
    return values


class Product:
    """What quantizes a sum of squares in the range of their mean."""

    def __init__(self, of_mean):
        self.quantizer = types.SimpleNamespace(factor=1)
        self.of_mean = of_mean

    def __call__(self, values):
        return self.of_mean(values / self.quantizer.factor) * self.quantizer.factor


@pytest.fixture
def peaks():
    """[2, 1, 50, 48] with a few large values among many small ones."""
    values = np.random.default_rng(0).laplace(0, 0.1, (2, 1, 50, 48))
    values[0, 0, 5, 5] = 7.5
    return values.astype(np.float32)


@pytest.mark.parametrize("rows", [2400, 2401])  # 8 rows of 300, and a single one
def test_mean_square_of_items(rows):
    items = np.random.default_rng(0).normal(size=(3, rows)).astype(np.float32)
    inner = {"energy": Product(unchanged), "mean_square": unchanged}
    for as_product in (False, True):
        found = mean_square(tf.constant(items), inner, as_product).numpy()
        np.testing.assert_allclose(found[:, 0], (items**2).mean(axis=1), rtol=1e-5)


def test_both_forms_round_at_the_same_places(peaks):
    inner = {"energy": Product(rounded(0.01)), "mean_square": rounded(1e-3)}
    item = tf.constant(peaks[:1])
    training = item_power(item, inner, "quantize")
    exported = item_power(item, inner, "deploy")
    np.testing.assert_allclose(training, exported, rtol=1e-6)
    assert training.shape == (1, 1, 1, 1)


def test_8_bits_hold_the_power_of_a_tensor_with_peaks(peaks):
    def eight_bits(values):
        step = tf.reduce_max(values) / 255
        return tf.round(values / step) * step

    inner = {"energy": eight_bits, "mean_square": unchanged}
    found = item_power(tf.constant(peaks), inner, "quantize").numpy().ravel()
    exact = (peaks.astype(float) ** 2).mean(axis=(1, 2, 3))
    np.testing.assert_allclose(found, exact, rtol=0.02)
    squares_rounded_first = eight_bits(tf.square(peaks[:1])).numpy().mean()
    assert abs(squares_rounded_first / exact[0] - 1) > 0.2


def test_no_row_can_overflow_32_bits():
    rows = 16
    seen = []

    def energy(values):
        seen.append(values.shape[0])
        return values

    items = tf.zeros([1, rows * MOST_VALUES])
    mean_square(items, {"energy": energy, "mean_square": unchanged})
    assert seen == [rows]  # a row less, and 255 in all of it would be too much


@pytest.mark.parametrize("most_values", [MOST_VALUES, 10])
@pytest.mark.parametrize("as_product", [False, True])
def test_channels_have_weights(peaks, as_product, most_values, monkeypatch):
    monkeypatch.setattr(energy_module, "MOST_VALUES", most_values)
    weights = np.where(np.arange(48) % 3, 1, 0) / 48
    inner = {"energy": Product(unchanged), "mean_square": unchanged}
    found = weighted_mean_square(tf.constant(peaks), weights, inner, as_product).numpy()
    expected = (peaks.astype(float) ** 2).mean(axis=2, keepdims=True) @ weights
    np.testing.assert_allclose(found[..., 0], expected, rtol=1e-5)
    means = weighted_mean(tf.constant(peaks), tf.constant(weights, tf.float32), unchanged).numpy()
    np.testing.assert_allclose(
        means[..., 0], peaks.mean(axis=2, keepdims=True) @ weights, atol=1e-6
    )


@pytest.mark.parametrize("values", [24, 23])
def test_rows_that_cannot_be_cut_evenly_are_filled_up(values, monkeypatch):
    monkeypatch.setattr(energy_module, "MOST_VALUES", 2)
    rows = []

    def energy(powers):
        rows.append(powers.shape[0])
        return powers

    items = np.random.default_rng(0).normal(size=(3, values)).astype(np.float32)
    found = mean_square(tf.constant(items), {"energy": energy, "mean_square": unchanged}).numpy()
    np.testing.assert_allclose(found[:, 0], (items**2).mean(axis=1), rtol=1e-5)
    assert rows == [3 * 16]


# Whole, in two pieces, and in three of which the last one is filled up.
@pytest.mark.parametrize("most", [10, 5, 4])
@pytest.mark.parametrize("axes", [(1, 2, 3), (2, 3)])
def test_mean_in_steps_is_the_mean(axes, most, monkeypatch):
    monkeypatch.setattr(energy_module, "MOST_MEANT", most)
    values = np.random.default_rng(0).normal(size=(2, 3, 10, 4)).astype(np.float32)
    np.testing.assert_allclose(
        mean_in_steps(tf.constant(values), unchanged, axes),
        values.mean(axis=axes, keepdims=True), atol=1e-6,
    )
