import numpy as np
import pytest
import tensorflow as tf
import tf_keras as keras

from fqss_tf.quantization import histogram
from fqss_tf.quantization.calibration import (
    least_error_maximum,
    least_error_range,
    percentile_range,
    squared_errors,
)
from fqss_tf.quantization.histogram import BINS, MOST_VALUES, Histogram
from fqss_tf.quantization.quantizers import RangeQuantizer


@pytest.fixture(scope="module")
def values():
    """Batches that grow louder, with a peak each, many exact zeros and more above 0 than below."""
    rng = np.random.default_rng(0)
    batches = []
    for level in (0.01, 0.1, 1.0):
        batch = rng.laplace(0, level, 100_000).astype(np.float32)
        batch[batch < 0] *= 0.3
        batch[:5000] = 0
        batch[-1] = 24.7 * level
        batches.append(batch)
    return batches


@pytest.fixture(scope="module")
def counted(values):
    counter = Histogram()
    add = tf.function(counter.add)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(histogram, "MOST_VALUES", 100_000)  # counts them all
        for batch in values:
            add(tf.constant(batch))
    return counter.counted()


def rounding_error(values, low, high):
    rounded = tf.quantization.fake_quant_with_min_max_vars(values, low, high).numpy()
    return np.sum(np.square(rounded - values, dtype=float))


def test_a_histogram_that_grew_counts_as_one_that_knew_the_range(values, counted):
    counts, edges = counted
    joined = np.concatenate(values)
    expected, _ = np.histogram(joined[joined != 0], edges)
    np.testing.assert_array_equal(counts, expected)
    assert edges[0] <= joined.min() and joined.max() <= edges[-1]
    assert len(counts) > BINS / 8  # no more doublings than needed


def test_zeros_alone_are_no_values():
    counter = Histogram()
    counter.add(tf.zeros([3, 4]))
    counts, edges = counter.counted()
    assert least_error_range(counts, edges, 8) == percentile_range(counts, edges) == (0, 0)


def test_extremes_of_a_large_tensor_are_counted():
    tensor = np.full(MOST_VALUES * 5, 0.5, np.float32)
    tensor[[7, 1234]] = -3, 4
    counter = Histogram()
    counter.add(tf.constant(tensor))
    counts, edges = counter.counted()
    assert counts[0] == counts[-1] == 1
    assert edges[0] <= -3 < edges[1] and edges[-2] <= 4 <= edges[-1]
    assert MOST_VALUES / 2 < counts.sum() <= MOST_VALUES + 2


@pytest.mark.parametrize("low, high", [(-2.0, 5.0), (-0.3, 4.0), (0.0, 2.5), (-1.0, 0.0)])
def test_predicted_errors_are_those_of_rounding(values, counted, low, high):
    (predicted,) = squared_errors(*counted, np.array([low]), np.array([high]), 8)
    assert predicted == pytest.approx(rounding_error(np.concatenate(values), low, high), rel=0.01)


def test_no_other_range_rounds_better(values, counted):
    joined = np.concatenate(values)
    low, high = least_error_range(*counted, 8)
    least = rounding_error(joined, low, high)
    assert least < 0.8 * rounding_error(joined, joined.min(), joined.max())
    for wider in (0.9, 1.1):
        assert least < 1.01 * rounding_error(joined, low * wider, high)
        assert least < 1.01 * rounding_error(joined, low, high * wider)


def test_a_percentile_leaves_the_peaks_out(values, counted):
    joined = np.concatenate(values)
    joined = joined[joined != 0]
    low, high = percentile_range(*counted)
    assert np.mean((joined < low) | (joined > high)) == pytest.approx(1e-4, rel=0.5)


def test_a_percentile_of_16_bits_cuts_hardly_anything(counted):
    _, edges = counted
    low, high = percentile_range(*counted, bits=16)
    assert low == pytest.approx(edges[0], rel=0.05) and high == pytest.approx(edges[-1], rel=0.05)


def test_a_weight_range_cuts_a_lone_peak_and_keeps_even_weights():
    rng = np.random.default_rng(0)
    weights = rng.normal(0, 0.1, (4000, 2))
    weights[0, 0] = 1.0  # 10 deviations
    weights[:, 1] = rng.choice([-0.31, 0.2, 0.05], 4000)  # on the grid of their maximum
    first, second = least_error_maximum(weights, 6)
    assert 0.6 < first < 0.9
    assert second == pytest.approx(0.31)


@pytest.mark.parametrize("calibration", ["percentile", "minmax"])
def test_a_statistic_has_a_margin_however_ranges_are_found(calibration):
    quantizer = RangeQuantizer(margin=0.3)
    layer = keras.layers.Layer()
    weights = quantizer.build(None, "statistic", layer)
    quantizer.mode = "calibrate"
    quantizer.start_calibration(calibration)
    for value in (1.0, 2.0, 4.0):
        quantizer(tf.constant([[value]]), training=True, weights=weights)
    quantizer.finish_calibration(3)
    assert quantizer.range()[1] == pytest.approx(4 * 1.3, rel=0.02)
