"""A latent in a fine and a coarse part: same function, less noise where it is small."""

import numpy as np
import pytest
import tf_keras as keras
from masked_networks import SIZES, TINY, quiet, waveforms

from fqss_tf.errors import FqssError
from fqss_tf.models.dptnet.sizes import DPTNetConfig
from fqss_tf.models.masking import decode_beside
from fqss_tf.quantization.centering import center_masks
from fqss_tf.quantization.equalization import equalize
from fqss_tf.quantization.folding import add_planes
from fqss_tf.quantization.wrap import calibrate, quantize, set_mode


@pytest.fixture(params=SIZES, ids=str)
def config(request):
    return SIZES[request.param]


@pytest.fixture
def mixtures():
    """16-bit samples, float32 [B, 1, T, 1]: a loud half and a faint one."""
    noise = np.random.default_rng(1).integers(-(2**14), 2**14, (2, 1, 1600, 1))
    noise[:, :, 800:] //= 64
    return (noise / 2**15).astype(np.float32)


def staged(model, config, mixtures, masking="direct", latent_planes=2):
    """The network in the form that is quantized, its channels equalized."""
    network = add_planes(
        model, config, input_planes=2, output_planes=2, masking=masking,
        latent_planes=latent_planes,
    )
    batch = mixtures[:, 0, :, 0]
    center_masks(network, [batch])
    equalize(network, config, [batch])
    decode_beside(network, config)
    return network


def test_the_encoding_is_in_two_parts(config, mixtures):
    network = staged(quiet(config), config, mixtures)
    encoding, fine, coarse = (
        keras.Model(network.input, network.get_layer(name).output)(mixtures).numpy()
        for name in ("encoder_sum_1", "encoded_fine", "encoded_coarse")
    )
    np.testing.assert_allclose(np.abs(encoding).max(), 1, atol=0.3)
    assert np.abs(coarse).max() > 0.5 and np.abs(fine).max() == 1
    np.testing.assert_allclose(fine / 16 + coarse, encoding, atol=1e-6)


@pytest.mark.parametrize("masking", ["direct", "centered"])
def test_both_parts_make_the_latent(config, mixtures, masking):
    model = quiet(config)
    whole = staged(model, config, mixtures, masking, latent_planes=1)
    apart = staged(model, config, mixtures, masking)
    latent, fine, coarse = (
        keras.Model(apart.input, apart.get_layer(name).output)(mixtures).numpy()
        for name in ("masked", "masked_fine", "masked_coarse")
    )
    assert np.mean(coarse == 0) > 0.5
    if (config.mask_activation, masking) != ("sigmoid", "centered"):  # their changes are not scaled
        assert np.abs(latent).max() > 0.3 and np.abs(coarse).max() > 0.2
    np.testing.assert_allclose(fine / 16 + coarse, latent, atol=1e-6)
    expected = waveforms(whole, mixtures, config)
    found = waveforms(apart, mixtures, config)
    np.testing.assert_allclose(found, expected, atol=1e-5 * np.abs(expected).max() + 1e-6)


def test_a_small_latent_is_rounded_in_finer_steps(mixtures):
    model = quiet(TINY)
    for source in range(TINY.sources):  # else a faint mixture has faint masks
        mask = model.get_layer(f"mask_{source}")
        kernel, bias = mask.get_weights()
        mask.set_weights([0 * kernel, 0 * bias + 0.5])
    expected = model(mixtures).numpy()
    noise = {}
    for planes in (1, 2):
        quantized = quantize(staged(model, TINY, mixtures, latent_planes=planes))
        calibrate(quantized, [mixtures])
        # Only encoding and latent are rounded: their noise is what is asked for.
        set_mode(quantized, "calibrate")
        for layer in quantized.layers:
            if layer.name.startswith(("masked", "encode", "fine_encoder")):
                for quantizer in getattr(layer, "quantize_config", NONE).quantizers():
                    quantizer.mode = "quantize"
        found = quantized(mixtures).numpy()
        noise[planes] = np.std((found - expected)[:, :, 900:-32])
    assert noise[2] < noise[1] / 8, noise


class NONE:
    @staticmethod
    def quantizers():
        return []


@pytest.mark.parametrize("sizes, planes, outputs, residual, message", [
    (TINY, 3, 2, "exact", "latent_planes is 3: use 2 at most"),
    (TINY, 2, 1, "exact", "latent_planes 2 goes with quantization.output_planes 2, not with 1"),
    (TINY, 2, 2, "samples", "2 goes with quantization.residual exact, not with samples"),
    (DPTNetConfig(), 2, 2, "exact", "only convtasnet has more than 1"),
])
def test_networks_that_cannot_have_it(sizes, planes, outputs, residual, message):
    sizes.check_latent_planes(1, outputs, residual)
    with pytest.raises(FqssError, match=message):
        sizes.check_latent_planes(planes, outputs, residual)
