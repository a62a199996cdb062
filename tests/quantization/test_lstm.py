"""The simulation of the integer LSTM: what is rounded, what is trained."""

import numpy as np
import pytest
import tensorflow as tf
import tf_keras as keras

from fqss_tf.layers.lstm import DIRECTIONS, BidirectionalLstm
from fqss_tf.layers.planes import Splitter
from fqss_tf.quantization.bias import inner_scale, input_scale, integer_weight, snap_biases
from fqss_tf.quantization.quantizers import PowerOfTwoQuantizer, WeightQuantizer
from fqss_tf.quantization.wrap import calibrate, quantize

UNITS = 4


@pytest.fixture(scope="module")
def inputs():
    return np.random.default_rng(0).uniform(-1, 1, (2, 3, 9, 5)).astype(np.float32)


@pytest.fixture(scope="module")
def model(inputs):
    keras.utils.set_random_seed(0)
    entry = keras.Input((None, None, 5))
    lstm = BidirectionalLstm(UNITS, name="lstm")
    quantized = quantize(keras.Model(entry, lstm(Splitter(1, name="splitter")(entry))))
    calibrate(quantized, [inputs] * 40)
    snap_biases(quantized)
    return quantized


def test_hidden_states_are_multiples_of_one_8_bit_scale(model, inputs):
    steps = model(inputs).numpy() / inner_scale(model.get_layer("lstm"), "hidden")
    np.testing.assert_allclose(steps, np.round(steps), atol=1e-3)
    assert len(np.unique(np.round(steps))) > 50
    assert np.ptp(np.round(steps)) <= 255


def test_each_gate_has_its_own_weight_scale(model):
    wrapper = model.get_layer("lstm")
    for direction in DIRECTIONS:
        codes, scales = integer_weight(wrapper, f"{direction}_recurrent_kernel")
        weight = getattr(wrapper.layer, f"{direction}_recurrent_kernel")
        assert codes.dtype == np.int8 and len(scales) == 4
        # The largest weight of a gate is the largest code.
        assert (np.abs(codes.reshape(UNITS, 4, UNITS)).max((0, 2)) == 127).all()
        assert np.abs(codes * np.repeat(scales, UNITS) - weight).max() <= 0.51 * scales.max()


def test_biases_lie_on_the_grid_of_input_and_weight_scale(model):
    wrapper = model.get_layer("lstm")
    assert input_scale(wrapper) == 1 / 128
    for direction in DIRECTIONS:
        _, scales = integer_weight(wrapper, f"{direction}_kernel")
        steps = getattr(wrapper.layer, f"{direction}_bias") / np.repeat(scales / 128, UNITS)
        np.testing.assert_allclose(steps, np.round(steps), atol=2e-2)


def test_every_trained_variable_has_a_gradient(model, inputs):
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(model(inputs, training=True) ** 2)
    gradients = tape.gradient(loss, model.trainable_variables)
    for variable, gradient in zip(model.trainable_variables, gradients, strict=True):
        assert gradient is not None and np.abs(gradient).max() > 0, variable.name


def test_grouped_weight_ranges():
    kernel = np.arange(24, dtype=np.float32).reshape(2, 12) - 30
    quantizer = WeightQuantizer(groups=4)
    weights = {"maximum": tf.Variable(tf.zeros(4)), "maximum_shift": tf.Variable(tf.zeros(4))}
    quantizer(kernel, True, weights)
    np.testing.assert_array_equal(weights["maximum"], [30, 27, 24, 21])


@pytest.mark.parametrize("largest, power", [(0.3, 0), (0.5, 0), (0.6, 1), (3.9, 3), (900.0, 6)])
def test_the_cell_scale_is_a_power_of_two_with_room(largest, power):
    quantizer = PowerOfTwoQuantizer()
    assert quantizer.scale({"maximum": tf.constant(largest)}) == 2.0 ** (power - 15)
