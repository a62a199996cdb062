import numpy as np
import pytest
import tensorflow as tf

from fqss_tf.layers.constants import int8_constant, int8_weights


def test_one_magnitude_is_exact():
    values = np.array([0.3, 0, -0.3])
    np.testing.assert_allclose(int8_constant(values), values, rtol=1e-6)


@pytest.mark.parametrize("kind", [np.asarray, tf.constant])
def test_many_small_weights_do_not_vanish(kind):
    weights = np.concatenate([[1.0], np.full(300, 0.003)]).astype(np.float32)
    rounded = int8_weights(kind(weights)).numpy()
    assert rounded.sum() == pytest.approx(weights.sum(), abs=0.01)
    one_by_one = int8_constant(weights).numpy()
    assert one_by_one.sum() == pytest.approx(1)


@pytest.mark.parametrize("kind", [np.asarray, tf.constant])
def test_equal_weights_are_exact(kind):
    weights = np.full(100, 0.01, np.float32)
    np.testing.assert_allclose(int8_weights(kind(weights)).numpy().ravel(), weights, rtol=1e-5)


def test_repeated_weights_share_the_sum():
    weights = np.random.default_rng(0).uniform(0, 1, 50)
    once, thrice = int8_weights(weights).numpy(), int8_weights(weights, 3, 3 * 7).numpy()
    expected = np.tile(once.reshape(50, 1), 3) / 21
    np.testing.assert_allclose(thrice.reshape(50, 3), expected, rtol=1e-5)
