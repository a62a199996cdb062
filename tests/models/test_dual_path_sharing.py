"""Dual-path networks of two sources that add up to the mixture, and begin with half of it each."""

import numpy as np
import pytest
import tf_keras as keras
from begun_networks import begun, noise_mixture

from fqss_tf.models.dprnn.sizes import DPRNNConfig
from fqss_tf.models.dptnet.sizes import DPTNetConfig
from fqss_tf.models.sepformer.sizes import SepFormerConfig
from fqss_tf.quantization.folding import add_planes

SIZES = {
    "filters": 64, "kernel": 32, "hop": 16, "width": 8, "chunk": 6, "blocks": 1,
    "mask_activation": "linear", "initial_filters": "cosine", "sum_to_mixture": True,
}
CONFIGS = {
    "sepformer": SepFormerConfig(
        **SIZES, heads=2, intra_layers=1, inter_layers=1, feed_forward=8
    ),
    "dptnet": DPTNetConfig(**SIZES, heads=2, hidden=4, lstm="steps"),
    "dprnn": DPRNNConfig(**SIZES, chunk_hop=3, hidden=4, lstm="steps", features="rectified"),
}


@pytest.fixture(params=CONFIGS)
def config(request):
    return CONFIGS[request.param]


@pytest.fixture
def model(config):
    return begun(config)


@pytest.fixture
def mixture():
    return noise_mixture(640)


def test_the_sources_add_up_to_the_mixture(model, mixture):
    sources = model(mixture).numpy()
    assert sources.shape == (2, 2, 640, 1)
    np.testing.assert_allclose(sources.sum(axis=1), mixture[:, 0], atol=1e-6)
    assert np.abs(sources[:, 0] - sources[:, 1]).max() > 1e-4


def test_without_masks_each_source_is_half_the_mixture(model, mixture):
    mask = model.get_layer("mask")
    mask.set_weights([0 * values for values in mask.get_weights()])
    sources = model(mixture).numpy()
    np.testing.assert_allclose(sources[:, 1], mixture[:, 0] / 2, atol=1e-6)


def test_the_encoding_keeps_the_mixture(model, mixture):
    """What is masked, decoded with all signs, is half the mixture: ReLU keeps one sign of two."""
    encoded = keras.Model(model.input, model.get_layer("encoder_0").output)(mixture).numpy()
    (decoder,) = (w for w in model.get_layer("decoder_0").get_weights() if w.ndim == 4)
    padded = np.pad(np.maximum(encoded, 0), [(0, 0), (0, 0), (1, 1), (0, 0)])
    decoded = sum(padded[:, 0, tap : tap + 40] @ decoder[0, tap] for tap in range(2))
    inside = slice(2, -2)
    blocks = mixture.reshape(2, 40, 16)
    np.testing.assert_allclose(decoded[:, inside], blocks[:, inside] / 2, atol=1e-5)


def test_planes_compute_the_same(model, config, mixture):
    staged = add_planes(model, config, input_planes=2, output_planes=2)
    assert np.abs(staged(mixture) - model(mixture)).max() < 1e-5
