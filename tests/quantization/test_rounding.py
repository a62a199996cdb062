import numpy as np
import pytest
import tensorflow as tf
import tf_keras as keras

from fqss_tf.layers.planes import Combiner, Splitter
from fqss_tf.layers.remainder import remainder_kernel
from fqss_tf.models import registry
from fqss_tf.models.convtasnet.sizes import ConvTasNetConfig
from fqss_tf.quantization.equalization import equalize
from fqss_tf.quantization.folding import add_planes
from fqss_tf.quantization.quantizers import RemainderQuantizer
from fqss_tf.quantization.rounding import round_decoders, rounded_together
from fqss_tf.quantization.wrap import calibrate, quantize


def error(weights, rounded, inputs):
    return np.sum((inputs @ (rounded - weights)) ** 2)


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def test_inputs_that_go_together_make_up_for_each_other(rng):
    inputs = rng.normal(0, 1, (500, 6)) @ rng.normal(0, 1, (6, 60))
    weights, scales = rng.normal(0, 0.2, (60, 3)), np.full(3, 0.02)
    nearest = np.round(weights / scales) * scales
    together = rounded_together(weights, inputs.T @ inputs, scales, 127)
    assert error(weights, together, inputs) < 0.05 * error(weights, nearest, inputs)


def test_inputs_without_relation_round_to_the_nearest(rng):
    weights, scales = rng.normal(0, 0.2, (20, 3)), np.array([0.02, 0.03, 0.04])
    together = rounded_together(weights, np.diag(rng.uniform(1, 2, 20)), scales, 127)
    np.testing.assert_allclose(together, np.round(weights / scales) * scales)


def test_integers_stay_within_the_limit(rng):
    weights, scales = rng.normal(0, 0.2, (20, 3)), np.full(3, 0.02)
    together = rounded_together(weights, np.ones((20, 20)), scales, 7)
    steps = together / scales
    np.testing.assert_allclose(steps, np.round(steps))
    assert np.abs(np.round(steps)).max() <= 7


def test_silence_rounds_to_the_nearest(rng):
    weights, scales = rng.normal(0, 0.2, (20, 3)), np.full(3, 0.02)
    together = rounded_together(weights, np.zeros((20, 20)), scales, 127)
    np.testing.assert_allclose(together, np.round(weights / scales) * scales)


@pytest.mark.parametrize("causal", [False, True])
def test_both_decoders_of_a_network_are_rounded(causal, rng):
    config = ConvTasNetConfig(
        filters=48, kernel=16, hop=8, bottleneck=8, skip=8, hidden=16, blocks=2, repeats=1,
        norm="batch", activation="relu", causal=causal,
    )
    keras.utils.set_random_seed(0)
    network = add_planes(registry.build(config), config, input_planes=2, output_planes=2)
    mixture = rng.normal(0, 0.1, (2, 800)).astype(np.float32)
    equalize(network, config, [mixture])
    model = quantize(network)
    calibrate(model, [mixture[:, None, :, None]])
    before = {name: layer_kernel(model, name) for name in ("decoder_0", "decoder_1")}
    round_decoders(model, [mixture[:, None, :, None]])
    for name, kernel in before.items():
        ((_, quantizer, ranges),) = model.get_layer(name)._weight_vars
        after = layer_kernel(model, name)
        assert np.abs(after - kernel).max() > 0
        steps = after / quantizer.scale(ranges)
        np.testing.assert_allclose(steps, np.round(steps), atol=1e-3)


def layer_kernel(model, name):
    return model.get_layer(name)._weight_vars[0][0].numpy()


@pytest.mark.parametrize("weights", [[-1.0], [1.0, 1 / 64, -1.0], [-1 / 8] * 8], ids=str)
def test_what_samples_weigh_is_exact_and_not_trained(rng, weights):
    decoder = rng.normal(0, 0.3, (1, 2, 24, 4)).astype(np.float32)
    kernel = tf.Variable(remainder_kernel(decoder, 0, weights))
    quantizer = RemainderQuantizer(exact=4 * len(weights))
    ranges = quantizer.build(kernel.shape, "kernel", keras.layers.Layer())
    quantizer.fit(kernel, ranges)
    quantizer.mode = "quantize"
    with tf.GradientTape() as tape:
        rounded = quantizer(kernel, training=True, weights=ranges)
    gradient = tape.gradient(rounded, kernel).numpy()
    np.testing.assert_allclose(rounded[:, :, 24:], kernel[:, :, 24:], rtol=1e-7, atol=0)
    assert 0 < np.abs(rounded - kernel).max() <= quantizer.scale(ranges).max()
    assert not gradient[:, :, 24:].any()
    assert gradient[:, :, :24].any()


def test_a_decoder_along_rows_is_rounded_as_one_along_frames(rng):
    values = rng.uniform(-0.7, 0.7, (1, 20, 30, 1)) * rng.uniform(0, 1, 4)
    values = values.astype(np.float32)
    start = rng.normal(0, 0.3, (3, 4, 2)).astype(np.float32)
    kernels = []
    for size, inputs in (((1, 3), values), ((3, 1), values.swapaxes(1, 2))):
        entry = keras.Input((None, None, 4))
        decoder = keras.layers.Conv2D(2, size, padding="same", name="decoder")
        decoded = decoder(Splitter(1, name="splitter")(entry))
        network = keras.Model(entry, Combiner(name="combiner")(decoded))
        decoder.set_weights([start.reshape(*size, 4, 2), np.zeros(2)])
        model = quantize(network)
        calibrate(model, [inputs] * 2)
        round_decoders(model, [inputs])
        kernels.append(model.get_layer("decoder")._weight_vars[0][0].numpy().reshape(3, 4, 2))
    np.testing.assert_array_equal(*kernels)
    assert np.abs(kernels[0] - start).max() > 0
