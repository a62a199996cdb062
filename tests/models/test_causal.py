import dataclasses

import numpy as np
import pytest
import tf_keras as keras

from fqss_tf.errors import FqssError
from fqss_tf.models import registry
from fqss_tf.models.convtasnet.sizes import ConvTasNetConfig
from fqss_tf.quantization.folding import add_planes, fold_for_export

TINY = ConvTasNetConfig(
    filters=48, kernel=32, hop=8, bottleneck=8, skip=8, hidden=16, blocks=3, repeats=2,
    norm="batch", activation="relu", causal=True,
)
SAMPLES = 800


@pytest.fixture(scope="module")
def network():
    keras.utils.set_random_seed(0)
    model = registry.build(TINY)
    model(mixture(), training=True)  # norms that do something
    return model


def mixture():
    noise = np.random.default_rng(0).integers(-(2**15), 2**15, (1, 1, SAMPLES, 1))
    return (noise / 2**15).astype(np.float32)


@pytest.mark.parametrize("planes", [1, 2])
def test_no_sample_depends_on_what_comes_later_than_the_lag(network, planes):
    model = add_planes(network, TINY, input_planes=1, output_planes=planes)
    lag = TINY.algorithmic_delay
    assert lag == TINY.kernel - TINY.hop
    changed = mixture()
    changed[:, :, 400:] = 0
    difference = np.abs(model(mixture()) - model(changed)).max(axis=(0, 1, 3))
    assert difference[: 400 - lag].max() == 0
    assert difference[400 - lag : 400].max() > 0


def test_it_is_the_network_with_future_taps_of_zero(network):
    """A kernel of five taps, the last two zero, padded on both sides sees the past alone."""
    both_sides = registry.build(dataclasses.replace(TINY, causal=False, block_kernel=5))
    for layer in both_sides.layers:
        weights = network.get_layer(layer.name).get_weights() if layer.weights else []
        if layer.name.endswith("_depthwise"):
            weights[0] = np.pad(weights[0], [(0, 0), (0, 2), (0, 0), (0, 0)])
        layer.set_weights(weights)
    edge = TINY.kernel - TINY.hop
    padded = np.pad(mixture(), [(0, 0), (0, 0), (edge, 0), (0, 0)])
    expected = both_sides(padded)[:, :, edge:].numpy()
    actual = network(mixture()).numpy()
    assert actual.shape == expected.shape
    # At the end one sees zeros in the place of samples, the other in the place of frames.
    whole = SAMPLES - edge
    np.testing.assert_allclose(actual[:, :, :whole], expected[:, :, :whole], atol=1e-6)


@pytest.mark.parametrize("planes", [1, 2])
def test_folded_and_staged_networks_compute_the_same(network, planes):
    expected = network(mixture()).numpy()
    scale = np.abs(expected).max()
    assert np.abs(fold_for_export(network, TINY)(mixture()) - expected).max() < 1e-4 * scale
    model = add_planes(network, TINY, input_planes=planes, output_planes=planes)
    # The two planes of a padded zero are zeros, which together stand for 1/256.
    past = TINY.hop * sum(TINY.dilations) * (TINY.block_kernel - 1) + 2 * TINY.kernel
    difference = np.abs(model(mixture()) - expected)[:, :, past : -2 * TINY.kernel]
    assert difference.max() < 1e-3 * scale


def test_a_global_norm_is_not_causal():
    with pytest.raises(FqssError, match="model.causal goes with model.norm batch"):
        dataclasses.replace(TINY, norm="global")


def test_a_kernel_of_one_hop_does_not_lag():
    config = dataclasses.replace(TINY, kernel=8)
    assert config.algorithmic_delay == 0
    assert registry.build(config)(mixture()).shape == (1, 2, SAMPLES, 1)
