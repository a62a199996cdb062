from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
import tf_keras as keras

from fqss_tf.layers.planes import Combiner, Splitter, TakePlane
from fqss_tf.models import waveform
from fqss_tf.models.convtasnet.sizes import ConvTasNetConfig
from fqss_tf.models.waveform_weights import (
    samples_kernel_to_blocks,
    transposed_kernel_to_blocks,
)

FIXTURES = Path(__file__).parents[1] / "fixtures"
EVERY_16_BIT_VALUE = np.arange(-(2**15), 2**15)


@pytest.fixture(scope="module")
def recorded():
    return np.load(FIXTURES / "metrics.npz")


def column(samples, bits):
    """Integers of ``bits`` as a waveform ``[1, 1, T, 1]`` in [-1, 1)."""
    return (samples / 2 ** (bits - 1)).astype(np.float32).reshape(1, 1, -1, 1)


def split(waveform, planes):
    return Splitter(planes)(tf.constant(waveform)).numpy()


def combine(planes):
    return Combiner()([tf.constant(planes[..., k : k + 1]) for k in range(planes.shape[-1])])


def test_two_planes_are_the_two_bytes_of_every_16_bit_value():
    planes = split(column(EVERY_16_BIT_VALUE, 16), 2)[0, 0] * 128
    np.testing.assert_array_equal(planes[:, 0], EVERY_16_BIT_VALUE >> 8)
    np.testing.assert_array_equal(planes[:, 1], (EVERY_16_BIT_VALUE & 255) - 128)


def test_combiner_restores_every_16_bit_value():
    waveform = column(EVERY_16_BIT_VALUE, 16)
    np.testing.assert_array_equal(combine(split(waveform, 2)), waveform)


def test_three_planes_restore_24_bit_values():
    rng = np.random.default_rng(0)
    samples = np.concatenate(
        [[-(2**23), 2**23 - 1, 0, 1, -1], rng.integers(-(2**23), 2**23, 20_000)]
    )
    waveform = column(samples, 24)
    planes = split(waveform, 3)
    np.testing.assert_array_equal(planes[0, 0, :, 2] * 128, (samples & 255) - 128)
    np.testing.assert_array_equal(combine(planes), waveform)


def test_one_plane_is_the_waveform_itself():
    waveform = np.random.default_rng(0).uniform(-1, 1, (1, 1, 50, 1)).astype(np.float32)
    np.testing.assert_array_equal(split(waveform, 1), waveform)
    np.testing.assert_array_equal(Combiner()([tf.constant(waveform)]), waveform)


def test_too_loud_saturates_instead_of_wrapping():
    planes = split(np.float32([[[[1.0], [1.5], [-1.5]]]]), 2)[0, 0] * 128
    np.testing.assert_array_equal(planes[:, 0], [127, 127, -128])
    np.testing.assert_array_equal(planes[:2, 1], [127, 127])
    np.testing.assert_array_equal(planes[2, 1], -128)


@pytest.mark.parametrize("shape", ["mono2d", "mono3d"])
@pytest.mark.parametrize("planes", [1, 2, 3])
def test_planes_equal_the_original_splitter(shape, planes, recorded):
    waveform = recorded[f"splitter/{shape}/x"].reshape(2, 1, 200, 1)
    if planes > 1:
        # The original divides by the peak of the batch first; here the caller does.
        waveform = waveform / np.abs(waveform).max()
    original = recorded[f"splitter/{shape}/n{planes}_bits8_norm1"]
    planes = split(waveform, planes)[:, 0]
    np.testing.assert_array_equal(planes, np.moveaxis(original, 1, -1))


@pytest.mark.parametrize("planes", [1, 2, 3])
def test_combiner_equals_the_original_up_to_its_offset(planes, recorded):
    stack = recorded[f"combiner/mono/n{planes}_x"][:, :, :, 0, :, None]
    original = recorded[f"combiner/mono/n{planes}_y"][..., None]
    missing_in_the_original = sum(1 / 256**k for k in range(1, planes))
    ours = Combiner()([tf.constant(stage) for stage in stack]).numpy()
    scale = np.abs(original).max()
    np.testing.assert_allclose(ours - missing_in_the_original, original, atol=1e-6 * scale, rtol=0)


def test_residual_error_block_equals_the_original(recorded):
    prefix = "residual_block/convtr1d_shared/"
    decoder = recorded[f"{prefix}sd/convTr1d.weight"]
    encoder = recorded[f"{prefix}sd/residual_error_block.residual_encoder.weight"]
    latent = np.moveaxis(recorded[f"{prefix}latent_x"], 1, -1)[:, None]
    config = ConvTasNetConfig(filters=decoder.shape[0], kernel=decoder.shape[2], hop=8)
    inputs = keras.Input(latent.shape[1:])
    block = keras.Model(inputs, waveform.decoder(inputs, config, 2, "samples"))
    for plane in range(2):
        kernel = transposed_kernel_to_blocks(decoder, config.hop)
        block.get_layer(f"decoder_{plane}").set_weights([kernel, np.zeros(config.hop)])
    block.get_layer("residual_encoder_1").set_weights(
        [samples_kernel_to_blocks(encoder, config.hop)]
    )
    for ours, name in zip(block.predict(latent, verbose=0), ("y0", "y1"), strict=True):
        original = recorded[prefix + name]
        assert np.abs(original).max() > 0
        difference = np.abs(ours[:, 0, :, 0] - original[:, 0]).max()
        assert difference <= 5e-6 * np.abs(original).max()


def test_take_plane():
    planes = tf.reshape(tf.range(12.0), (1, 1, 4, 3))
    np.testing.assert_array_equal(TakePlane(1)(planes)[0, 0, :, 0], [1, 4, 7, 10])


@pytest.mark.parametrize("layer", [Splitter(3, name="a"), TakePlane(2, name="b"), Combiner()])
def test_layers_survive_serialisation(layer):
    config = keras.saving.serialize_keras_object(layer)
    twin = keras.saving.deserialize_keras_object(config)
    assert type(twin) is type(layer)
    assert twin.get_config() == layer.get_config()
