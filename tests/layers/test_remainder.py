import numpy as np
import pytest
import tensorflow as tf

from fqss_tf.layers.remainder import RemainderDecoder, remainder_kernel

HOP, FILTERS = 4, 12


@pytest.mark.parametrize("taps, subtracting_tap", [(1, 0), (2, 0), (2, 1), (3, 2)])
def test_it_decodes_what_rounding_left_out(taps, subtracting_tap):
    rng = np.random.default_rng(0)
    latent = rng.normal(0, 0.3, (2, 1, 20, FILTERS)).astype(np.float32)
    decoder = rng.normal(0, 0.1, (1, taps, FILTERS, HOP)).astype(np.float32)
    decoded = tf.nn.conv2d(latent, decoder, 1, "VALID").numpy()
    rounded = np.round(128 * decoded) / 128
    around = [subtracting_tap, taps - 1 - subtracting_tap]
    padded = np.pad(rounded, [(0, 0), (0, 0), around, (0, 0)])
    layer = RemainderDecoder(HOP, (1, taps), exact=HOP)
    joined = np.concatenate([latent, padded], axis=-1)
    layer.build(joined.shape)
    layer.set_weights([remainder_kernel(decoder, subtracting_tap), np.zeros(HOP)])
    assert np.abs(rounded - decoded).max() > 1e-3
    np.testing.assert_allclose(layer(joined), 256 * (decoded - rounded), atol=1e-4)
