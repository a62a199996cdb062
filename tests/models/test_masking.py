"""The latent of what a mask changes, beside the frames of the mixture."""

import numpy as np
import pytest
import tensorflow as tf
import tf_keras as keras
from masked_networks import SIZES, TINY, quiet, waveforms

from fqss_tf.errors import FqssError
from fqss_tf.models import registry
from fqss_tf.models.dptnet.sizes import DPTNetConfig
from fqss_tf.models.masking import decode_beside
from fqss_tf.quantization.centering import center_masks
from fqss_tf.quantization.equalization import equalize
from fqss_tf.quantization.folding import add_planes
from fqss_tf.quantization.rounding import round_decoders
from fqss_tf.quantization.wrap import calibrate, quantize
from fqss_tf.runs.weights import load_weights, save_weights, weights_of


@pytest.fixture(params=SIZES, ids=str)
def config(request):
    return SIZES[request.param]


@pytest.fixture
def mixtures():
    """16-bit samples, float32 [B, 1, T, 1]."""
    noise = np.random.default_rng(1).integers(-(2**13), 2**13, (2, 1, 800, 1))
    return (noise / 2**15).astype(np.float32)


@pytest.fixture
def networks(config, mixtures):
    """A network with direct and with centered latent."""
    model = quiet(config)
    direct, centered = (
        add_planes(model, config, input_planes=2, output_planes=2, masking=masking)
        for masking in ("direct", "centered")
    )
    center_masks(centered, [mixtures[:, 0, :, 0]])
    decode_beside(centered, config)
    return direct, centered


@pytest.mark.parametrize("equalized", [False, True])
def test_both_latents_compute_the_same(config, networks, mixtures, equalized):
    direct, centered = networks
    expected = waveforms(direct, mixtures, config)
    if equalized:
        equalize(centered, config, [mixtures[:, 0, :, 0]])
        decode_beside(centered, config)
    found = waveforms(centered, mixtures, config)
    np.testing.assert_allclose(found, expected, atol=1e-5 * np.abs(expected).max() + 1e-6)


def test_training_leaves_the_mean_and_its_decoders_as_they_are(config, networks, mixtures):
    network = quantize(networks[1])
    calibrate(network, [mixtures] * 3)
    constants = {
        name for name in weights_of(network)
        if name.startswith(("mask_change/", "mean_decoder_"))
    }
    before = weights_of(network)
    optimizer = keras.optimizers.Adam(0.01)
    for _ in range(2):
        with tf.GradientTape() as tape:
            loss = tf.reduce_sum(tf.square(network(mixtures, training=True) - 0.1))
        variables = network.trainable_variables
        optimizer.apply_gradients(zip(
            tape.gradient(loss, variables, unconnected_gradients="zero"), variables, strict=True
        ))
    after = weights_of(network)
    assert set(after) == set(before)
    changed = {name for name in after if not np.array_equal(after[name], before[name])}
    assert "mean_decoder_1/kernel" in constants
    assert not changed & constants
    bottleneck = "bottleneck" if config.features == "rectified" else "bottleneck_0"
    assert {"encoder_0/kernel", f"{bottleneck}/kernel"} <= changed


def test_the_quantized_network_is_kept_by_the_names_of_its_weights(networks, tmp_path):
    network = quantize(networks[1])
    save_weights(network, tmp_path / "weights.npz")
    load_weights(network, tmp_path / "weights.npz")
    kept = weights_of(network)
    assert len(kept) == len(network.weights)
    assert np.any(kept["mask_change/mean"] != 0)


def test_the_latent_holds_less(networks, mixtures):
    energies = [
        np.mean(keras.Model(each.input, each.get_layer("masked").output)(mixtures).numpy() ** 2)
        for each in networks
    ]
    assert energies[1] < 0.8 * energies[0]


def test_nothing_is_added_before_the_mean_is_measured(config, mixtures):
    keras.utils.set_random_seed(0)
    model = registry.build(config)
    direct, centered = (
        add_planes(model, config, input_planes=2, output_planes=2, masking=masking)
        for masking in ("direct", "centered")
    )
    np.testing.assert_allclose(centered(mixtures), direct(mixtures), atol=1e-6)


def test_a_mask_that_never_moves_costs_no_8_bits(mixtures):
    keras.utils.set_random_seed(0)
    model = registry.build(TINY)
    kernel = model.get_layer("decoder_0").get_weights()[0]
    model.get_layer("decoder_0").set_weights([3 * kernel])
    for source in range(TINY.sources):
        mask = model.get_layer(f"mask_{source}")
        kernel, bias = mask.get_weights()
        mask.set_weights([0 * kernel, 0 * bias + 0.5])
    noise, expected = {}, model(mixtures).numpy()[:, :, 32:-32]
    for masking in ("direct", "centered"):
        network = add_planes(model, TINY, input_planes=2, output_planes=2, masking=masking)
        batch = mixtures[:, 0, :, 0]
        center_masks(network, [batch])
        equalize(network, TINY, [batch])
        if masking == "centered":
            decode_beside(network, TINY)
        quantized = quantize(network)
        calibrate(quantized, [mixtures])
        round_decoders(quantized, [mixtures])
        found = quantized(mixtures).numpy()[:, :, 32:-32]
        noise[masking] = np.std(found - expected) / np.std(expected)
    assert noise["centered"] < 5e-3 < noise["direct"] / 2, noise


@pytest.mark.parametrize("sizes, residual, message", [
    (TINY, "samples", "masking centered goes with quantization.residual exact, not with samples"),
    (DPTNetConfig(), "exact", "needs a linear encoder, which only convtasnet has"),
])
def test_networks_that_cannot_have_it(sizes, residual, message):
    sizes.check_masking("direct", residual)
    with pytest.raises(FqssError, match=message):
        sizes.check_masking("centered", residual)
