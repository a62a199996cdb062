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
