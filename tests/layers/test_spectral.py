"""Layers of networks over spectrograms, against numpy."""

import numpy as np
import pytest
import tensorflow as tf
import tf_keras as keras

from fqss_tf.audio.ratio_masks import masks
from fqss_tf.layers.spectral import (
    ChannelGain,
    ChannelShift,
    MaskedMagnitudes,
    NearestSplitter,
    PhasesToPixels,
    PixelsToPhases,
    TakeChannels,
)
from fqss_tf.runtime import planes
from fqss_tf.runtime.planes import HALF_STEP


@pytest.fixture
def image():
    return np.random.default_rng(0).normal(size=(2, 4, 6, 8)).astype(np.float32)


def test_phases_become_pixels_as_depth_to_space_has_it(image):
    np.testing.assert_array_equal(PhasesToPixels()(image), tf.nn.depth_to_space(image, 2))


def test_pixels_become_the_same_phases(image):
    np.testing.assert_array_equal(PixelsToPhases()(PhasesToPixels()(image)), image)


@pytest.mark.parametrize("layer", [
    PhasesToPixels(), PixelsToPhases(), TakeChannels(2, 3), NearestSplitter(2), ChannelGain(),
    ChannelShift(),
])
def test_a_shape_is_known_before_the_frames_are(layer, image):
    entry = keras.Input((None, 6, 8))
    model = keras.Model(entry, layer(entry))
    assert model.output_shape[0] is None and model.output_shape[2:] == model(image).shape[2:]
    assert layer.compute_output_shape(image.shape) == model(image).shape


def test_channels_are_taken(image):
    np.testing.assert_array_equal(TakeChannels(2, 3)(image), image[..., 2:5])


def test_a_magnitude_of_0_is_0_in_both_planes():
    split = NearestSplitter(2)(np.zeros((1, 2, 3, 2), np.float32))
    assert split.shape == (1, 2, 3, 4) and not split.numpy().any()


def test_planes_are_those_of_the_runtime():
    heard = np.random.default_rng(0).uniform(0, 0.99, (1, 8, 8, 2)).astype(np.float32)
    split = NearestSplitter(2)(heard).numpy() * 128
    runtime = np.moveaxis(planes.split(heard + HALF_STEP, 2), -1, 3).reshape(split.shape)
    np.testing.assert_array_equal(split, runtime)


def test_planes_add_up_to_the_magnitude():
    heard = np.random.default_rng(0).uniform(0, 0.99, (1, 8, 8, 2)).astype(np.float32)
    first, second = np.split(NearestSplitter(2)(heard).numpy(), 2, axis=-1)
    np.testing.assert_allclose(first + second / 256, heard, atol=2**-15)


def test_one_plane_passes_its_input_on(image):
    np.testing.assert_array_equal(NearestSplitter(1)(image), image)


@pytest.mark.parametrize("kind", ["sigmoid", "softmax"])
def test_masks_are_those_of_the_runtime(kind):
    rng = np.random.default_rng(0)
    logits = rng.normal(size=(1, 4, 3, 24)).astype(np.float32) / 4
    heard = rng.uniform(0, 100, (1, 8, 6, 2)).astype(np.float32)
    given = MaskedMagnitudes(kind)((logits, heard)).numpy()
    assert given.shape == (1, 3, 8, 6, 2)
    np.testing.assert_allclose(given[0], masks(logits[0], kind, 3) * heard, rtol=1e-4, atol=1e-4)


def test_they_are_saved_and_loaded(tmp_path, image):
    entry = keras.Input((4, 6, 8))
    taken = TakeChannels(0, 4)(ChannelShift()(ChannelGain()(NearestSplitter(2)(entry))))
    masked = MaskedMagnitudes("softmax")(
        [PixelsToPhases()(taken), TakeChannels(0, 2)(entry)]
    )
    model = keras.Model(entry, masked)
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(loaded(image), model(image))
