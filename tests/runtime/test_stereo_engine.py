"""A model of two channels: what it is given, what it gives, and at which level."""

import numpy as np
import pytest

from fqss_tf.errors import FqssError
from fqss_tf.runs.run import Run
from fqss_tf.runtime import Separator
from fqss_tf.runtime.engine import Engine
from fqss_tf.runtime.stereo_engine import StereoEngine, levelled_stereo

RATE = 44100
STEMS = ["drums", "bass", "other", "vocals"]


def song(samples, channels=2, peak=0.3):
    size = (samples, channels) if channels > 1 else samples
    return np.random.default_rng(0).uniform(-peak, peak, size).astype(np.float32)


@pytest.fixture(scope="module")
def keras_model(stereo_run):
    return Run(stereo_run).folded_model()


def test_float32_gives_what_keras_gives_of_stereo(stereo_files, keras_model):
    engine = StereoEngine(stereo_files[0])
    segment = song(engine.metadata.segment, peak=1)
    expected = keras_model(segment[None, None]).numpy()[0]
    error = np.abs(engine.forward(segment) - expected).max()
    assert error <= 1e-5 * np.abs(expected).max()


@pytest.mark.parametrize("reference_kernels", [False, True])
def test_int8_follows_float32_in_both_channels(stereo_files, reference_kernels):
    floats, integers = (
        StereoEngine(file, reference_kernels=reference_kernels) for file in stereo_files
    )
    segment = song(floats.metadata.segment, peak=1)
    expected, given = floats.forward(segment), integers.forward(segment)
    # What the planes can hold.
    expected = np.clip(expected, -1, 1)
    for channel in range(2):
        noise = np.mean((given - expected)[..., channel] ** 2)
        assert 10 * np.log10(np.mean(expected[..., channel] ** 2) / noise) >= 12


def test_one_channel_is_heard_in_both(stereo_files):
    engine = StereoEngine(stereo_files[1])
    segment = song(engine.metadata.segment, channels=1, peak=1)
    both = engine.forward(np.stack([segment, segment], axis=1))
    np.testing.assert_array_equal(engine.forward(segment), both.mean(axis=2))


def test_other_engines_refuse_it_and_it_refuses_others(stereo_files, tiny_tflite):
    with pytest.raises(FqssError, match="a model of two channels"):
        Engine(stereo_files[0])
    with pytest.raises(FqssError, match="a model of one channel"):
        StereoEngine(tiny_tflite)


@pytest.mark.parametrize("factor", [2.0**-6, 8.0])
def test_the_level_does_not_matter(stereo_files, factor):
    separate = levelled_stereo(StereoEngine(stereo_files[1]))
    samples = song(3000)
    expected = factor * separate(samples)
    assert np.abs(expected).max() > 0.01 * factor
    np.testing.assert_array_equal(separate(samples * np.float32(factor)), expected)


def test_the_loudest_sample_of_either_channel_becomes_full_scale(stereo_files):
    engine = StereoEngine(stereo_files[0])
    samples = song(engine.metadata.segment)
    samples[:, 1] *= 0.1
    heard = []
    engine.forward = lambda segment: heard.append(segment) or np.zeros((4, *segment.shape))
    levelled_stereo(engine)(samples)
    assert np.abs(heard[0]).max() == 1
    np.testing.assert_allclose(heard[0], samples / np.abs(samples).max(), rtol=1e-6)


@pytest.mark.parametrize("file", [0, 1])
def test_silence_stays_silent(stereo_files, file):
    for sound in Separator(stereo_files[file])(np.zeros((9000, 2), np.float32), RATE).values():
        assert sound.shape == (9000, 2) and not sound.any()


@pytest.mark.parametrize("rate, samples, channels", [
    (44100, 9000, 2), (44100, 9000, 1), (22050, 1, 2), (48000, 30000, 2), (8000, 20, 1),
])
def test_stems_have_the_shape_of_the_song(stereo_files, rate, samples, channels):
    found = Separator(stereo_files[1])(song(samples, channels), rate)
    assert list(found) == STEMS
    for stem in found.values():
        assert stem.shape == ((samples, channels) if channels > 1 else (samples,))
        assert stem.dtype == np.float32


def test_16_bit_samples_come_back_as_such(stereo_files):
    samples = (song(9000) * 2**15).astype(np.int16)
    found = Separator(stereo_files[1])(samples, RATE)
    floats = Separator(stereo_files[1])(samples / np.float32(2**15), RATE)
    for name, stem in found.items():
        assert stem.dtype == np.int16
        np.testing.assert_allclose(stem / 2**15, np.clip(floats[name], -1, 1), atol=2**-15)


def test_blocks_give_what_the_whole_gives(stereo_files):
    separator = Separator(stereo_files[1])
    samples = song(12000)
    blocks = [samples[start : start + 777] for start in range(0, len(samples), 777)]
    signs = np.ones(2, np.int8)
    parts = list(separator.separate_blocks(blocks, RATE, signs=signs))
    whole = separator(samples, RATE)
    np.testing.assert_array_equal(np.concatenate(parts, axis=1), np.stack(list(whole.values())))


def test_more_channels_and_one_gain_are_refused(stereo_files):
    separator = Separator(stereo_files[0])
    with pytest.raises(FqssError, match="3 channels, but the model takes one or two"):
        separator(song(100, 3), RATE)
    with pytest.raises(FqssError, match="at full scale in each segment; leave the gain away"):
        separator(song(100), RATE, gain="utterance")
    assert Separator(stereo_files[0], mono=True)(song(100, 3), RATE)["bass"].shape == (100,)
