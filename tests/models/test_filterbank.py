import dataclasses

import numpy as np
import pytest
import tf_keras as keras

from fqss_tf.models import registry
from fqss_tf.models.convtasnet.sizes import ConvTasNetConfig
from fqss_tf.models.convtasnet.start import begin_with_shares
from fqss_tf.models.filterbank import cosine_filters
from fqss_tf.models.registry import network_of

TINY = ConvTasNetConfig(
    filters=64, kernel=32, hop=16, bottleneck=8, skip=8, hidden=16, blocks=2, repeats=1,
    norm="batch", activation="relu", features="rectified", initial_filters="cosine",
)


@pytest.fixture
def rng():
    return np.random.default_rng(0)


@pytest.fixture
def mixture(rng):
    return rng.normal(size=(2, 1, 640, 1)).astype(np.float32)


@pytest.mark.parametrize(("filters", "kernel", "hop"), [
    (32, 32, 16), (64, 32, 16), (40, 32, 8), (128, 32, 8), (65, 32, 16),
])
def test_the_transpose_decodes_what_is_encoded(filters, kernel, hop, rng):
    waves = cosine_filters(filters, kernel, hop).astype(float)
    signal = rng.normal(size=20 * hop)
    decoded = np.zeros_like(signal)
    for start in range(0, len(signal) - kernel + 1, hop):
        frame = slice(start, start + kernel)
        decoded[frame] += waves.T @ (waves @ signal[frame])
    whole = slice(kernel, -kernel)  # as many frames overlap as anywhere
    np.testing.assert_allclose(decoded[whole], signal[whole], atol=1e-6)


def test_too_few_filters_do_not_reconstruct(rng):
    waves = cosine_filters(30, 32, 16).astype(float)
    signal = rng.normal(size=32)
    decoded = waves.T @ (waves @ signal)
    rest = signal - decoded / (waves ** 2).sum() * 32
    assert np.square(rest).sum() > 0.01 * np.square(signal).sum()


def test_many_filters_have_both_signs():
    waves = cosine_filters(64, 32, 16)
    np.testing.assert_array_equal(waves[:32], -waves[32:])


@pytest.mark.parametrize("causal", [False, True])
def test_a_network_begins_with_a_share_of_the_mixture(causal, mixture):
    config = dataclasses.replace(TINY, causal=causal)
    keras.utils.set_random_seed(0)
    model = registry.build(config)
    network_of(config).begin(model, config)
    for source in range(2):
        layer = model.get_layer(f"mask_{source}")
        kernel, bias = layer.get_weights()
        layer.set_weights([0 * kernel, bias])
    estimates = model(mixture).numpy()
    inside = slice(32, -32)
    for source in range(2):
        np.testing.assert_allclose(
            estimates[:, source, inside], mixture[:, 0, inside] / 2, atol=1e-5
        )


def test_random_filters_stay_as_they_are():
    config = dataclasses.replace(TINY, initial_filters="random")
    model = registry.build(config)
    before = [weights.copy() for weights in model.get_weights()]
    network_of(config).begin(model, config)
    for old, new in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)
    begin_with_shares(model, config)
    assert any((old != new).any() for old, new in zip(before, model.get_weights(), strict=True))


def test_rectified_features_keep_the_signs_of_what_is_masked(mixture):
    """With masks that do not depend on the mixture the network is linear."""
    model = registry.build(TINY)
    network_of(TINY).begin(model, TINY)
    layer = model.get_layer("mask_0")
    kernel, bias = layer.get_weights()
    layer.set_weights([0 * kernel, bias])
    there, opposite = model(mixture).numpy(), model(-mixture).numpy()
    np.testing.assert_allclose(there[:, 0], -opposite[:, 0], atol=1e-6)
    assert np.abs(there[:, 1] + opposite[:, 1]).max() > 1e-4
