"""Quantized HTDemucs: two inputs and two outputs, rounded at every tensor."""

import numpy as np
import pytest
import tensorflow as tf

from fqss_tf.config import load_recipe
from fqss_tf.layers.norm import NORMALISED
from fqss_tf.models.registry import network_of
from fqss_tf.quantization import folding, wrap
from fqss_tf.quantization.equalization import equalize
from fqss_tf.runs.untrained import UntrainedRun
from fqss_tf.runs.weights import assign_arrays, named_variables
from fqss_tf.types import Planes

SMALL = (
    "model.filters=8", "model.kernel=256", "model.hop=64", "model.depth=2", "model.compression=2",
    "model.width=8", "model.layers=2", "model.heads=2", "model.feed_forward=8",
    "model.decoder_branches=true", "data.sample_rate=8000", "data.segment_seconds=0.25",
)


@pytest.fixture(scope="module")
def run():
    return UntrainedRun(load_recipe("htdemucs-mobile", SMALL))


@pytest.fixture(scope="module")
def quantized(run):
    return run.calibrated_model(Planes(2, 2))


@pytest.fixture(scope="module")
def heard(run):
    mixture, _ = run.mixtures("test")[0]
    return network_of(run.config).inputs(mixture[None, :2000], run.config)


def test_norms_that_read_one_tensor_keep_what_they_compute_alike(quantized):
    trained = {
        layer.name: layer.quantize_config.inner for layer in quantized.layers
        if layer.name.endswith(("attention_norm", "other_norm", "ffn_norm"))
    }
    shared = {name for name in trained if "layer_1" in name and not name.endswith("ffn_norm")}
    assert len(shared) == 4 and len(trained) > len(shared)
    for name, inner in trained.items():
        for tensor in NORMALISED:
            assert inner[tensor].trains_range == (name not in shared), (name, tensor)
        assert inner["scaled"].trains_range


def sqnr(found, expected):
    """Of the less exact of the two outputs."""
    return min(
        10 * np.log10(np.sum(wanted**2) / np.sum((given - wanted) ** 2))
        for given, wanted in zip(found, expected, strict=True)
    )


def outputs(model, heard):
    return [output.numpy() for output in model(heard)]


def test_8_bits_are_near_the_float_network(run, quantized, heard):
    # Random weights blow up what is rounded: measured 17 dB.
    assert sqnr(outputs(quantized, heard), outputs(run.folded_model(), heard)) >= 12


def test_16_bits_are_nearer(run, heard):
    mixture, _ = run.mixtures("test")[0]
    network = folding.add_planes(
        run.float_model(), run.config, input_planes=2, output_planes=2
    )
    equalize(network, run.config, [mixture[None, :2000]])
    model = wrap.quantize(network, bits=16)
    wrap.calibrate(model, [heard] * 2, "minmax")
    # Measured: 36 dB. A norm multiplies silence by no more than 8 bits would, in 16 bits, too.
    assert sqnr(outputs(model, heard), outputs(run.folded_model(), heard)) >= 30


def test_gradients_reach_every_weight_and_range(quantized, heard):
    with tf.GradientTape() as tape:
        loss = sum(
            tf.reduce_mean((output - 0.1) ** 2) for output in quantized(heard, training=True)
        )
    gradients = tape.gradient(loss, quantized.trainable_variables)
    kept = {
        id(variable) for quantizer in wrap.quantizers(quantized) if not quantizer.trains_range
        for variable in quantizer.variables.values()
    }
    assert kept
    for variable, gradient in zip(quantized.trainable_variables, gradients, strict=True):
        if id(variable) in kept:
            assert gradient is None, variable.name
            continue
        assert gradient is not None, variable.name
        assert np.isfinite(gradient.numpy()).all(), variable.name
    assert not any("bound" in variable.name for variable in quantized.trainable_variables)


def test_a_run_that_was_trained_loads_bounds_and_ranges_with_its_weights(run, quantized, heard):
    arrays = {name: variable.numpy() for name, variable in named_variables(quantized).items()}
    loaded = run.uncalibrated_model(Planes(2, 2))
    assign_arrays(named_variables(loaded), arrays, "test")
    for given, wanted in zip(outputs(loaded, heard), outputs(quantized, heard), strict=True):
        np.testing.assert_allclose(given, wanted, atol=1e-6)
    bounds = network_of(run.config).description(loaded)["bounds"]
    assert set(bounds) == {"mixture", "spectrogram", "stage", "spectra"}
    assert all(bound > 1 for bound in bounds.values())
