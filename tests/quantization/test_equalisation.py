import numpy as np
import pytest
import tf_keras as keras

from fqss_tf.layers.norm import GlobalLayerNorm
from fqss_tf.quantization.equalisation import equalise, pairs
from fqss_tf.quantization.wrap import observe, quantise

layers = keras.layers
CHANNELS = 8


def network(between=None, ceiling=None):
    """1x1 -> ReLU -> depthwise -> LeakyReLU -> two 1x1, channels 100 times apart."""
    keras.utils.set_random_seed(0)
    inputs = keras.Input((1, None, 4))
    hidden = layers.Conv2D(CHANNELS, 1, name="widen")(inputs)
    hidden = layers.ReLU(ceiling, name="rectify")(hidden)
    if between is not None:
        hidden = between(hidden)
    hidden = layers.DepthwiseConv2D((1, 3), padding="same", name="depthwise")(hidden)
    hidden = layers.LeakyReLU(0.2, name="leak")(hidden)
    outputs = [layers.Conv2D(3, 1, name=name)(hidden) for name in ("skip", "residual")]
    model = keras.Model(inputs, layers.Add(name="sum")(outputs))
    rng = np.random.default_rng(0)
    spread = np.logspace(-1, 1, CHANNELS)
    kernel, _ = model.get_layer("widen").get_weights()
    model.get_layer("widen").set_weights([kernel * spread, rng.normal(0, 0.1, CHANNELS) * spread])
    kernel, _ = model.get_layer("depthwise").get_weights()
    model.get_layer("depthwise").set_weights(
        [kernel / spread[:, None], rng.normal(0, 0.1, CHANNELS)]
    )
    return model


@pytest.fixture
def mixtures():
    return [np.random.default_rng(1).normal(0, 1, (2, 1, 50, 4)).astype(np.float32)]


def channel_extents(model, name, mixture):
    values = keras.Model(model.input, model.get_layer(name).output)(mixture).numpy()
    return np.abs(values).max(axis=(0, 1, 2))


def test_an_equalised_network_computes_the_same(mixtures):
    model = network()
    expected = model(mixtures[0]).numpy()
    assert equalise(model, mixtures) == 2
    np.testing.assert_allclose(model(mixtures[0]), expected, atol=1e-5)


def test_channels_before_a_depthwise_convolution_become_alike(mixtures):
    model = network()
    before = channel_extents(model, "rectify", mixtures[0])
    equalise(model, mixtures)
    after = channel_extents(model, "rectify", mixtures[0])
    assert before.max() / before.min() > 50
    assert after.max() / after.min() == pytest.approx(1, abs=1e-4)


def test_an_equalised_network_loses_less_in_8_bits(mixtures):
    errors = []
    for prepare in (lambda model: None, lambda model: equalise(model, mixtures)):
        model = network()
        expected = model(mixtures[0]).numpy()
        prepare(model)
        quantised = quantise(model)
        observe(quantised, mixtures)
        errors.append(np.mean((quantised(mixtures[0]).numpy() - expected) ** 2))
    assert errors[1] < 0.5 * errors[0]


@pytest.mark.parametrize(
    "options",
    [{"between": GlobalLayerNorm()}, {"ceiling": 6.0}, {"between": layers.Activation("sigmoid")}],
    ids=["norm", "ceiling", "sigmoid"],
)
def test_what_does_not_pass_a_gain_through_is_left_alone(options):
    assert [pair.first.name for pair in pairs(network(**options))] == ["depthwise"]


def test_a_tensor_that_something_else_reads_is_left_alone():
    inputs = keras.Input((1, None, 4))
    hidden = layers.Conv2D(4, 1)(inputs)
    model = keras.Model(inputs, layers.Add()([layers.Conv2D(4, 1)(hidden), hidden]))
    assert pairs(model) == []


def test_an_output_is_left_alone():
    inputs = keras.Input((1, None, 4))
    hidden = layers.Conv2D(4, 1)(inputs)
    assert pairs(keras.Model(inputs, [hidden, layers.Conv2D(4, 1)(hidden)])) == []
