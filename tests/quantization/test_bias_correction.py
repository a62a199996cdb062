import numpy as np
import pytest
import tf_keras as keras

from fqss_tf.layers.prelu import FixedSlopePReLU
from fqss_tf.quantization.bias_correction import correct_biases
from fqss_tf.quantization.quantizers import RangeQuantizer
from fqss_tf.quantization.wrap import calibrate, quantize, quantizers

layers = keras.layers


@pytest.fixture
def mixtures():
    rng = np.random.default_rng(1)
    return [rng.normal(1, 1, (1, 1, length, 4)).astype(np.float32) for length in (200, 300)]


@pytest.fixture
def network():
    keras.utils.set_random_seed(0)
    inputs = keras.Input((1, None, 4))
    hidden = layers.Conv2D(16, 1, activation="relu", name="widen")(inputs)
    hidden = layers.DepthwiseConv2D((1, 3), padding="same", name="depthwise")(hidden)
    hidden = FixedSlopePReLU(0.2)(hidden)
    hidden = layers.Conv2D(4, 1, use_bias=False, name="free")(hidden)
    outputs = layers.Conv2D(4, 1, name="narrow")(hidden)
    return keras.Model(inputs, layers.Add(name="sum")([outputs, inputs]))


def mean_error(model, expected, mixtures):
    errors = [model(each).numpy() - right for each, right in zip(mixtures, expected, strict=True)]
    return np.concatenate(errors, axis=2).mean(axis=(0, 1, 2))


def test_the_mean_error_of_each_channel_goes(network, mixtures):
    model = quantize(network, bits=3)
    for quantizer in quantizers(model):
        if isinstance(quantizer, RangeQuantizer):
            quantizer.bits = 16  # rounding of the outputs, behind the biases, stays out of it
    calibrate(model, mixtures)
    expected = [network(each).numpy() for each in mixtures]
    before = mean_error(model, expected, mixtures)
    assert correct_biases(model, mixtures) == 3
    after = mean_error(model, expected, mixtures)
    assert np.abs(before).max() > 0.005
    assert np.abs(after).max() < 0.02 * np.abs(before).max()


def test_nothing_but_biases_changes(network, mixtures):
    model = quantize(network, bits=3)
    calibrate(model, mixtures)
    before = {variable.name: variable.numpy() for variable in model.variables}
    correct_biases(model, mixtures)
    changed = {
        variable.name for variable in model.variables
        if np.any(variable.numpy() != before[variable.name])
    }
    assert changed and all(name.endswith("bias:0") for name in changed)
    assert {each.mode for each in quantizers(model)} == {"quantize"}


def test_what_is_exact_already_is_left_alone(network, mixtures):
    model = quantize(network, bits=16)
    calibrate(model, mixtures)
    before = model.get_layer("narrow").layer.bias.numpy()
    correct_biases(model, mixtures)
    np.testing.assert_allclose(model.get_layer("narrow").layer.bias, before, atol=1e-3)
