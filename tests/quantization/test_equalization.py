import dataclasses

import numpy as np
import pytest
import tf_keras as keras

from fqss_tf.models import registry
from fqss_tf.models.convtasnet.sizes import ConvTasNetConfig
from fqss_tf.quantization.equalization import channel_ranges, equalize
from fqss_tf.quantization.folding import add_planes

TINY = ConvTasNetConfig(
    filters=64, kernel=32, hop=16, bottleneck=8, skip=8, hidden=16, blocks=2, repeats=1
)
KINDS = [
    (norm, activation, causal, sum_to_mixture)
    for norm in ("global", "batch") for activation in ("relu", "prelu")
    for causal in (False, True) if not (causal and norm == "global")
    for sum_to_mixture in (False, True)
]
FEATURES = {"prelu": "signed", "relu": "rectified"}


@pytest.fixture(params=KINDS, ids=str)
def network(request):
    """(staged network of unequal channels, its config)."""
    norm, activation, causal, sum_to_mixture = request.param
    keras.utils.set_random_seed(0)
    config = dataclasses.replace(
        TINY, norm=norm, activation=activation, causal=causal, features=FEATURES[activation],
        sum_to_mixture=sum_to_mixture,
    )
    model = registry.build(config)
    rng = np.random.default_rng(0)
    for layer in model.layers:
        if layer.name.endswith("_norm"):
            gamma, beta, *rest = layer.get_weights()
            unequal = np.exp(rng.normal(0, 1, gamma.shape))
            layer.set_weights([gamma * unequal, beta + 0.1 * unequal, *rest])
    return add_planes(model, config, input_planes=2, output_planes=2), config


@pytest.fixture
def mixtures():
    noise = np.random.default_rng(1).integers(-(2**15), 2**15, (3, 2, 800))
    return list((noise / 2**15).astype(np.float32))


@pytest.mark.parametrize("exponent", [1.0, 2.0, 8.0, np.inf])
def test_a_channel_is_as_large_as_its_power_mean(exponent):
    inputs = keras.Input((1, None, 3))
    network = keras.Model(inputs, keras.layers.ReLU(name="positive")(inputs))
    values = np.abs(np.random.default_rng(0).normal(0, [1e-9, 1.0, 100.0], (2, 1, 500, 3)))
    values[..., 0] = 0
    batches = [values[:1].astype(np.float32), values[1:].astype(np.float32)]
    found = channel_ranges(network, {"positive"}, batches, exponent, exponent)["positive"]
    exact = np.linalg.norm(values.reshape(-1, 3), exponent, axis=0)
    if np.isfinite(exponent):
        exact /= 1000 ** (1 / exponent)
    np.testing.assert_allclose(found, exact, rtol=1e-4)


def outputs(network, name, mixtures):
    part = keras.Model(network.input, network.get_layer(name).output)
    return np.concatenate([part(mixture[:, None, :, None]).numpy() for mixture in mixtures])


def test_the_function_stays(network, mixtures):
    model, config = network
    before = outputs(model, "stage_0", mixtures)
    equalize(model, config, mixtures)
    after = outputs(model, "stage_0", mixtures)
    np.testing.assert_allclose(after, before, rtol=0, atol=1e-4 * np.abs(before).max())


def test_channels_of_a_block_get_one_range(network, mixtures):
    model, config = network
    name = "block_1_in"
    if config.activation == "prelu":
        name += "_prelu"

    def spread():
        ranges = np.abs(outputs(model, name, mixtures)).max(axis=(0, 1, 2))
        sounding = ranges[ranges > 0]
        return sounding.max() / np.median(sounding)

    before = spread()
    equalize(model, config, mixtures)
    assert before > 2
    assert spread() < 1.6


def test_gains_of_a_global_norm_are_positive_and_none_is_far_above_the_others(mixtures):
    keras.utils.set_random_seed(0)
    config = dataclasses.replace(TINY, norm="global")
    model = registry.build(config)
    norm = model.get_layer("block_1_in_norm")
    gamma = np.random.default_rng(0).normal(1, 1, config.hidden)
    # A channel that is hardly heard, beside a large constant.
    norm.set_weights([gamma, np.where(gamma == gamma.max(), 0, 10)])
    network = add_planes(model, config, input_planes=2, output_planes=2)
    before = outputs(network, "stage_0", mixtures)
    equalize(network, config, mixtures)
    after = outputs(network, "stage_0", mixtures)
    np.testing.assert_allclose(after, before, rtol=0, atol=1e-4 * np.abs(before).max())
    (gains,) = network.get_layer("block_1_in_norm_gain").get_weights()
    assert gamma.min() < 0 < gains.min()
    assert gains.max() <= 2.001 * np.median(gains)


def test_a_convolution_behind_a_global_norm_has_scales_of_its_own(mixtures):
    keras.utils.set_random_seed(0)
    config = dataclasses.replace(TINY, norm="global")
    network = add_planes(registry.build(config), config, input_planes=2, output_planes=2)
    layer = network.get_layer("block_0_skip")
    kernel, bias = layer.get_weights()
    unequal = np.geomspace(1, 3, config.skip)
    layer.set_weights([kernel * unequal, bias])
    network.get_layer("block_0_skip_offset").set_weights(
        [values * unequal for values in network.get_layer("block_0_skip_offset").get_weights()]
    )
    # What the skips of all blocks are added to decides about the scales behind the gain.
    network.get_layer("block_1_skip").set_weights([0 * kernel, bias])

    def spread(name):
        ranges = np.abs(outputs(network, name, mixtures)).max(axis=(0, 1, 2))
        return ranges.max() / ranges.min()

    equalize(network, config, mixtures)
    assert spread("block_0_skip") < 1.5 < spread("block_0_skip_scaled")
