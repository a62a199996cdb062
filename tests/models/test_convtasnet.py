import dataclasses

import numpy as np
import pytest
import tensorflow as tf
import tf_keras as keras
from hypothesis import given, settings
from hypothesis import strategies as st

from fqss_tf.errors import FqssError
from fqss_tf.models import registry
from fqss_tf.models.convtasnet import sizes
from fqss_tf.models.convtasnet.sizes import ConvTasNetConfig
from fqss_tf.quantization.centering import center_norms
from fqss_tf.quantization.folding import add_planes, fold_for_export

TINY = ConvTasNetConfig(
    filters=16, kernel=32, hop=16, bottleneck=8, skip=4, hidden=12, blocks=2, repeats=2
)
PUBLISHED_PARAMETERS = 5_050_545
ORIGINALS = ("fqss_convtasnetq_a", "asteroid_convtasnet_a")


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def noise(rng, samples, batch=2):
    return rng.uniform(-1, 1, (batch, 1, samples, 1)).astype(np.float32)


def shake(model, rng, scale=0.3):
    """Moves every weight off its initial value, so that none can be skipped unnoticed."""
    for layer in model.layers:
        moved = []
        for weight, value in zip(layer.weights, layer.get_weights(), strict=True):
            change = rng.normal(0, scale, value.shape)
            if weight.name.endswith("moving_variance:0"):
                change = np.abs(change) * 5
            moved.append(value + change)
        layer.set_weights(moved)


@pytest.mark.parametrize("name", ORIGINALS)
@pytest.mark.parametrize(
    "precision, recorded, tolerance", [("float32", "output", 5e-6), ("float64", "output64", 1e-9)]
)
def test_output_equals_the_original_network(
    name, precision, recorded, tolerance, original, relative_error, floatx
):
    floatx(precision)
    reference = original(name)
    model = reference.model()
    estimates = model.predict(reference.mixture, verbose=0)
    assert estimates.dtype == precision
    assert relative_error(estimates[..., 0], reference.arrays[recorded]) <= tolerance


@pytest.mark.parametrize("name", ORIGINALS)
def test_inner_tensors_equal_the_original_network(name, original, relative_error):
    reference = original(name)
    model = reference.model()
    inner = keras.Model(
        model.input, [model.get_layer("encoder_0").output, model.get_layer("masks").output]
    )
    encoded, masks = inner.predict(reference.mixture, verbose=0)
    channels_first = np.moveaxis(encoded[:, 0], -1, 1)
    assert relative_error(channels_first, reference.arrays["act/encoder"]) <= 5e-6
    assert relative_error(np.moveaxis(masks, -1, 2), reference.arrays["act/masks"]) <= 5e-6


def test_a_wrong_epsilon_would_fail_the_parity(original, relative_error):
    reference = original("fqss_convtasnetq_a")
    model = reference.model()
    for layer in model.layers:
        if layer.name.endswith("_norm"):
            layer.epsilon = 1e-5
    estimates = model.predict(reference.mixture, verbose=0)
    assert relative_error(estimates[..., 0], reference.arrays["output"]) > 5e-6


def test_defaults_have_the_published_number_of_parameters():
    # The published networks carry a residual convolution in the last block whose result is
    # dropped: 512 x 128 weights and 128 biases that this network does not have.
    unused_residual = 512 * 128 + 128
    model = registry.build(ConvTasNetConfig())
    assert model.count_params() == PUBLISHED_PARAMETERS - unused_residual


@pytest.fixture(scope="module")
def tiny_model():
    return registry.build(TINY)


@settings(max_examples=6)
@given(blocks=st.integers(2, 60), batch=st.integers(1, 3))
def test_output_is_as_long_as_the_input(tiny_model, blocks, batch):
    mixture = np.zeros((batch, 1, blocks * TINY.hop, 1), np.float32)
    estimates = tiny_model(mixture).numpy()
    assert estimates.shape == (batch, TINY.sources, blocks * TINY.hop, 1)
    assert np.isfinite(estimates).all()


def test_traced_at_a_static_shape_the_whole_graph_is_static():
    model = registry.build(TINY)
    traced = tf.function(model, autograph=False).get_concrete_function(
        tf.TensorSpec([1, 1, 320, 1])
    )
    assert traced.outputs[0].shape == (1, TINY.sources, 320, 1)
    assert all(
        output.shape.is_fully_defined() for op in traced.graph.get_operations()
        for output in op.outputs
    )


def test_number_of_sources(rng):
    config = dataclasses.replace(TINY, sources=3)
    assert registry.build(config)(noise(rng, 160)).shape == (2, 3, 160, 1)


@pytest.mark.parametrize("activation", sizes.ACTIVATIONS)
def test_folded_batch_norm_computes_the_same(activation, rng, relative_error):
    config = dataclasses.replace(TINY, norm="batch", activation=activation)
    model = registry.build(config)
    shake(model, rng)
    folded = fold_for_export(model, config)
    assert not any(isinstance(layer, keras.layers.BatchNormalization) for layer in folded.layers)
    mixture = noise(rng, 800)
    assert relative_error(folded(mixture).numpy(), model(mixture).numpy()) <= 1e-5


@pytest.fixture
def global_norm_network(rng):
    """Function of an activation -> a network whose gains are far from 1, and its config."""

    def network(activation):
        config = dataclasses.replace(TINY, activation=activation)
        model = registry.build(config)
        shake(model, rng)
        return model, config

    return network


def set_first_gain(model, value, bias):
    """Of the norm before the second block's depthwise convolution, in its first channel."""
    norm = model.get_layer("block_1_in_norm")
    gain, offset = norm.get_weights()
    gain[0], offset[0] = value, bias
    norm.set_weights([gain, offset])


@pytest.mark.parametrize("activation", sizes.ACTIVATIONS)
@pytest.mark.parametrize("first_gain", [-0.5, 1e-6])
def test_exported_form_of_a_global_norm_network_computes_the_same(
    first_gain, activation, floatx, global_norm_network, rng, relative_error
):
    floatx("float64")
    model, config = global_norm_network(activation)
    set_first_gain(model, first_gain, 0.3)
    final = fold_for_export(model, config)
    for frames in (2, 50):  # fewer than a dilated kernel spans, and more
        mixture = noise(rng, frames * TINY.hop)
        assert relative_error(final(mixture).numpy(), model(mixture).numpy()) <= 1e-6


@pytest.mark.parametrize("activation", sizes.ACTIVATIONS)
@pytest.mark.parametrize(
    ("convolution", "convolved", "norm", "planes", "least_mean"),
    [
        ("block_1_skip", "block_1_skip", "block_1_depthwise_norm", 1, 0.01),
        ("bottleneck", "bottleneck_0", "bottleneck_norm", 1, 1e-4),
        ("bottleneck", "bottleneck_sum_1", "bottleneck_norm", 2, 1e-4),
    ],
)
def test_centered_norms_compute_the_same_with_smaller_constants(
    convolution, convolved, norm, planes, least_mean,
    activation, floatx, global_norm_network, rng, relative_error,
):
    floatx("float64")
    model, config = global_norm_network(activation)
    network = add_planes(model, config, input_planes=planes, output_planes=1)
    output = keras.Model(network.input, network.get_layer(convolved).output)
    mixture = noise(rng, 800)
    expected, before = network(mixture).numpy(), output(mixture).numpy()
    center_norms(network, [mixture[:, 0, :, 0]])
    assert relative_error(network(mixture).numpy(), expected) <= 1e-6
    mean = network.get_layer(f"{norm}_mean_change").get_weights()[0]
    gain, _ = model.get_layer(norm).get_weights()
    sums = gain @ model.get_layer(convolution).get_weights()[0][0, 0]
    np.testing.assert_allclose(output(mixture), before - mean * sums, rtol=1e-6, atol=1e-9)
    assert np.abs(mean) > least_mean


@pytest.mark.parametrize(("features", "reads"), [("signed", False), ("rectified", True)])
def test_masks_read_the_samples_where_the_encoding_is_linear(features, reads):
    config = dataclasses.replace(TINY, norm="batch", features=features)
    network = fold_for_export(registry.build(config), config)
    masks = keras.Model(network.input, network.get_layer("masks").output)
    assert ("encoder_0" in {layer.name for layer in masks.layers}) == reads


@pytest.mark.parametrize("activation", sizes.ACTIVATIONS)
def test_silence_stays_silent(activation, global_norm_network):
    model, config = global_norm_network(activation)
    silence = np.zeros((1, 1, 800, 1), np.float32)
    np.testing.assert_array_equal(fold_for_export(model, config)(silence), 0)


@pytest.mark.parametrize("mask_activation", sizes.MASK_ACTIVATIONS)
def test_mask_activation(mask_activation, rng):
    config = dataclasses.replace(TINY, mask_activation=mask_activation)
    model = registry.build(config)
    shake(model, rng, scale=1.0)
    masks = keras.Model(model.input, model.get_layer("masks").output)(noise(rng, 320)).numpy()
    if mask_activation == "linear":
        assert masks.min() < 0
    else:
        assert masks.min() >= 0
    assert (masks.max() <= 1) == (mask_activation == "sigmoid")


@pytest.mark.parametrize(
    "key, choices",
    [
        ("norm", sizes.NORMS),
        ("activation", sizes.ACTIVATIONS),
        ("mask_activation", sizes.MASK_ACTIVATIONS),
    ],
)
def test_unknown_choice_names_the_key_and_the_choices(key, choices):
    with pytest.raises(FqssError, match=f"model.{key} 'softplus'") as caught:
        ConvTasNetConfig(**{key: "softplus"})
    assert all(choice in str(caught.value) for choice in choices)


def test_kernel_that_is_no_multiple_of_the_hop():
    with pytest.raises(FqssError, match="model.kernel 20 .* model.hop 8"):
        ConvTasNetConfig(kernel=20, hop=8)


@pytest.mark.parametrize("key", ["hop", "sources", "blocks", "filters", "kernel"])
@pytest.mark.parametrize("value", [0, -8])
def test_size_below_one_names_the_key(key, value):
    with pytest.raises(FqssError, match=f"model.{key} is {value}"):
        ConvTasNetConfig(**{key: value})


def test_graph_and_eager_execution_agree_for_a_batch_of_one():
    config = ConvTasNetConfig(
        filters=32, kernel=32, hop=16, bottleneck=16, skip=16, hidden=32, blocks=2, repeats=1
    )
    model = registry.build(config, for_export=True)
    mixture = np.random.default_rng(0).uniform(-1, 1, (1, 1, 8000, 1)).astype(np.float32)
    eager = model(mixture).numpy()
    error = np.abs(model.predict_on_batch(mixture) - eager).max()
    assert error <= 1e-5 * np.abs(eager).max()
