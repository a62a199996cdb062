"""Quantized dual-path networks: the same function, rounded at every tensor."""

import numpy as np
import pytest
import tensorflow as tf
import tf_keras as keras

from fqss_tf.layers.attention import DotProductAttention
from fqss_tf.layers.norm import ChannelLayerNorm
from fqss_tf.models.dptnet.sizes import DPTNetConfig
from fqss_tf.models.registry import build
from fqss_tf.models.sepformer.sizes import SepFormerConfig
from fqss_tf.quantization.equalization import equalize
from fqss_tf.quantization.folding import add_planes
from fqss_tf.quantization.quantizers import ConstantRangeQuantizer
from fqss_tf.quantization.rules import quantize_config
from fqss_tf.quantization.wrap import calibrate, quantize

SIZES = {"filters": 16, "kernel": 4, "hop": 2, "width": 8, "chunk": 6, "blocks": 1}
CONFIGS = {
    "dptnet": DPTNetConfig(**SIZES, heads=2, hidden=4),
    "sepformer": SepFormerConfig(
        **SIZES, heads=2, intra_layers=1, inter_layers=1, feed_forward=8
    ),
}
PEAK = 0.5


class Case:
    """A float network, a mixture and what it makes of it, at a level that 8 bits can hold."""

    def __init__(self, name):
        keras.utils.set_random_seed(0)
        self.config = CONFIGS[name]
        self.network = build(self.config)
        rng = np.random.default_rng(0)
        for layer in self.network.layers:
            if layer.name.endswith("_norm"):
                layer.set_weights([w + rng.normal(0, 0.2, w.shape) for w in layer.get_weights()])
        codes = rng.integers(-(2**15), 2**15, (1, 1, 200, 1))
        self.mixture = (codes / 2**15).astype(np.float32)
        decoder = self.network.get_layer("decoder_0")
        gain = PEAK / np.abs(self.network(self.mixture)).max()
        decoder.set_weights([gain * weight for weight in decoder.get_weights()])
        self.estimates = self.network(self.mixture).numpy()

    def quantized(self, stages, bits):
        model = quantize(
            add_planes(self.network, self.config, input_planes=stages, output_planes=stages), bits
        )
        calibrate(model, [self.mixture] * 40)
        return model


@pytest.fixture(scope="module", params=CONFIGS)
def case(request):
    return Case(request.param)


@pytest.fixture(scope="module")
def quantized(case):
    return case.quantized(stages=2, bits=8)


def sqnr(found, expected):
    return 10 * np.log10(np.sum(expected**2) / np.sum((found - expected) ** 2))


def test_the_exported_form_is_the_same_function(case):
    folded = add_planes(case.network, case.config, input_planes=1, output_planes=1)
    np.testing.assert_allclose(folded(case.mixture), case.estimates, atol=1e-5 * PEAK)


def test_scaling_the_latent_for_the_second_plane_leaves_the_function(case):
    network = add_planes(case.network, case.config, input_planes=2, output_planes=2)
    latent = keras.Model(network.input, network.get_layer("masked").output)
    expected, before = network(case.mixture).numpy(), np.abs(latent(case.mixture)).max()
    equalize(network, case.config, [case.mixture[:, 0, :, 0]])
    after = np.abs(latent(case.mixture)).max()
    np.testing.assert_allclose(network(case.mixture), expected, atol=1e-3 * PEAK)
    assert 0.9 < after < 2 and abs(after - before) > 0.01


def test_8_bits_are_near_the_float_network(case, quantized):
    assert sqnr(quantized(case.mixture).numpy(), case.estimates) >= 20  # measured: 27 dB


@pytest.mark.slow
def test_16_bits_are_nearer(case, quantized):
    coarse = sqnr(quantized(case.mixture).numpy(), case.estimates)
    fine = sqnr(case.quantized(stages=2, bits=16)(case.mixture).numpy(), case.estimates)
    assert fine >= coarse + 8  # measured: 11 dB more


def test_gradients_reach_every_weight_and_range(case, quantized):
    with tf.GradientTape() as tape:
        loss = tf.reduce_mean((quantized(case.mixture, training=True) - 0.1) ** 2)
    gradients = tape.gradient(loss, quantized.trainable_variables)
    for variable, gradient in zip(quantized.trainable_variables, gradients, strict=True):
        assert gradient is not None, variable.name
        assert np.isfinite(gradient.numpy()).all(), variable.name
    moved = [
        np.any(gradient.numpy() != 0)
        for variable, gradient in zip(quantized.trainable_variables, gradients, strict=True)
        if variable.name.endswith("_shift:0")
    ]
    assert len(moved) > 30 and np.mean(moved) > 0.9


def test_attention_rounds_every_inner_tensor():
    query = keras.Input((1, 5, 8))
    attention = DotProductAttention(2)
    attention([query, query, query])
    inner = quantize_config(attention).inner
    assert set(inner) == {"scores", "attention", "context"}
    assert isinstance(inner["attention"], ConstantRangeQuantizer)
    assert inner["attention"].scale({}) == 1 / 256


def test_silent_frames_have_a_finite_gradient():
    entry = keras.Input((1, None, 4))
    model = quantize(keras.Model(entry, ChannelLayerNorm(name="norm")(entry)))
    frames = np.random.default_rng(0).normal(size=(1, 1, 20, 4)) * (np.arange(20) > 9)[:, None]
    frames = tf.constant(frames, tf.float32)
    calibrate(model, [frames] * 5)
    with tf.GradientTape() as tape:
        tape.watch(frames)
        loss = tf.reduce_sum(model(frames, training=True) ** 2)
    for gradient in tape.gradient(loss, [frames, *model.trainable_variables]):
        assert np.isfinite(gradient).all()


def test_silence_does_not_widen_the_range_of_reciprocal_lengths():
    entry = keras.Input((1, None, 4))
    norm = ChannelLayerNorm(epsilon=1e-5, name="norm")
    model = quantize(keras.Model(entry, norm(entry)))
    rng = np.random.default_rng(0)
    frames = rng.normal(size=(1, 1, 200, 4)) * np.repeat([1, 1e-4], 100)[:, None]
    calibrate(model, [frames.astype(np.float32)] * 60)
    inner = model.get_layer("norm").quantize_config.inner
    greatest_length = inner["energy"].range()[1] ** 0.5
    # Of the values that an 8-bit energy has, the least but 0.
    assert inner["reciprocal_length"].range()[1] == pytest.approx(
        255**0.5 / greatest_length, rel=0.1
    )
