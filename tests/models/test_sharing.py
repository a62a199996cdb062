"""Two sources that add up to the mixture: one mask, and samples that are exact in integers."""

import dataclasses

import numpy as np
import pytest
import tf_keras as keras
from begun_networks import begun, noise_mixture

from fqss_tf.errors import FqssError
from fqss_tf.models.convtasnet.sizes import ConvTasNetConfig
from fqss_tf.models.registry import network_of
from fqss_tf.models.sharing import shares_of_mixture
from fqss_tf.quantization.folding import add_planes
from fqss_tf.quantization.level import calibrate_level
from fqss_tf.quantization.wrap import calibrate, quantize
from fqss_tf.runs.weights import assign_arrays, named_variables, weights_of

TINY = ConvTasNetConfig(
    filters=64, kernel=32, hop=16, bottleneck=8, skip=8, hidden=16, blocks=2, repeats=1,
    norm="batch", activation="relu", mask_activation="linear", features="rectified",
    initial_filters="cosine", sum_to_mixture=True,
)
PLANES = [(1, 1), (2, 1), (1, 2), (2, 2)]


@pytest.fixture(params=[False, True], ids=["whole", "causal"])
def causal(request):
    return request.param


@pytest.fixture(params=[False, True], ids=["difference", "rest"])
def config(request, causal):
    return dataclasses.replace(TINY, causal=causal, first_is_rest=request.param)


@pytest.fixture
def model(config):
    return begun(config)


@pytest.fixture
def mixture():
    return noise_mixture(800)


def test_it_finds_one_mask(model):
    assert [layer.name for layer in model.layers if layer.name.startswith("mask_")][-1] == "mask_0"
    assert model.output_shape[-1] == 1


def test_the_sources_add_up_to_the_mixture(model, mixture):
    sources = model(mixture).numpy()
    assert sources.shape == (2, 2, 800, 1)
    np.testing.assert_allclose(sources.sum(axis=1), mixture[:, 0], atol=1e-6)
    assert np.abs(sources[:, 0] - sources[:, 1]).max() > 1e-3


@pytest.mark.parametrize("planes", PLANES, ids=str)
def test_planes_compute_the_same(model, config, mixture, planes):
    staged = add_planes(model, config, input_planes=planes[0], output_planes=planes[1])
    # Before a recording, the second plane of zeros stands for 1/256: see the tests of causal ones.
    start = 16 * sum(config.dilations) * 2 + 2 * config.kernel
    difference = np.abs(staged(mixture) - model(mixture))[:, :, start : -2 * config.kernel]
    assert difference.max() < 1e-6


def test_quantized_sources_add_up_too(model, config, mixture):
    network = quantize(add_planes(model, config, input_planes=2, output_planes=2))
    calibrate(network, [mixture] * 3)
    sources = network(mixture).numpy()
    assert np.abs(sources - model(mixture).numpy()).max() > 1e-4
    # The two last bits of each source are rounded.
    np.testing.assert_allclose(sources.sum(axis=1), mixture[:, 0], atol=2 / 2**15)


@pytest.mark.parametrize("share", [0.5, 1.0])
@pytest.mark.parametrize("counts", PLANES, ids=str)
def test_the_planes_of_a_source_are_those_of_its_sum(counts, share):
    rng = np.random.default_rng(0)
    found = {}
    for name, count, span in (("mixture", counts[0], 80), ("decoded", counts[1], 40)):
        planes = rng.integers(-128, 128, (count, 1, 1, 20, 4))
        planes[0] = rng.integers(-span, span, planes[0].shape)
        found[name] = list((planes / 128).astype(np.float32))
    inputs = [keras.Input((1, None, 4)) for plane in range(sum(counts))]
    layer = keras.Model(
        inputs, shares_of_mixture(inputs[: counts[0]], inputs[counts[0] :], share)
    )
    given = [*found["mixture"], *found["decoded"]]
    planes = layer(given)
    combined = combine(planes if counts[1] > 1 else [planes])
    mixture, decoded = combine(found["mixture"]), combine(found["decoded"])
    sign = 1 if share == 0.5 else -1
    np.testing.assert_allclose(combined[:, :1], share * mixture + sign * decoded, atol=1e-6)
    np.testing.assert_allclose(
        combined[:, 1:], (1 - share) * mixture - sign * decoded, atol=1e-6
    )


def combine(planes):
    first, *further = (np.asarray(plane, np.float64) for plane in planes)
    return first + sum((plane + 1) / 256 for plane in further)


def test_the_mixture_tells_the_level(model, mixture):
    before = model(mixture).numpy()
    assert calibrate_level(model, [(mixture[0, 0, :, 0], 0.1 * before[0, :, :, 0])]) == 1
    np.testing.assert_array_equal(model(mixture).numpy(), before)


def test_a_network_of_half_the_difference_becomes_one_of_the_rest(causal):
    difference = dataclasses.replace(TINY, causal=causal)
    rest = dataclasses.replace(difference, first_is_rest=True)
    model, other = begun(difference), begun(rest)
    rng = np.random.default_rng(0)
    for name in ("encoder_0", "decoder_0"):  # trained filters are no tight frame any more
        layer = model.get_layer(name)
        (kernel,) = layer.get_weights()
        layer.set_weights([kernel + 0.1 * kernel.std() * rng.normal(size=kernel.shape)])
    kept = network_of(rest).adapted(weights_of(model), difference, rest)
    assert network_of(rest).adapted(kept, rest, rest) is kept
    assign_arrays(named_variables(other), kept, "kept")
    sound = np.cumsum(noise_mixture(1600) / 20, axis=2)  # low frequencies are louder, as in sound
    sound -= sound.mean(axis=2, keepdims=True)
    expected, found = (each(sound).numpy()[:, :, 32:-32] for each in (model, other))
    error = np.sum((found - expected) ** 2) / np.sum(sound**2)
    assert error < 1e-3
    np.testing.assert_allclose(found.sum(axis=1), sound[:, 0, 32:-32], atol=1e-6)


def test_the_rest_is_of_a_mixture():
    with pytest.raises(FqssError, match="first_is_rest is for model.sum_to_mixture"):
        dataclasses.replace(TINY, sum_to_mixture=False, first_is_rest=True)


def test_it_is_for_two_sources():
    with pytest.raises(FqssError, match="is for two sources, not for 3"):
        dataclasses.replace(TINY, sources=3)


def test_a_residual_encoder_is_refused(model):
    with pytest.raises(FqssError, match="model.sum_to_mixture goes with exact"):
        add_planes(model, TINY, input_planes=2, output_planes=2, residual="samples")
