"""Files of a network over spectrograms: their contract, and recordings of every kind."""

import json

import numpy as np
import pytest
import soundfile

from fqss_tf.audio import ratio_masks
from fqss_tf.errors import FqssError
from fqss_tf.models.inference import mask_function
from fqss_tf.models.registry import network_of
from fqss_tf.runs.run import Run
from fqss_tf.runtime import Separator
from fqss_tf.runtime.engine import Engine
from fqss_tf.runtime.spectrogram_engine import SpectrogramEngine
from fqss_tf.tflite import TfliteFile
from fqss_tf.tflite.metadata import write_metadata

STEMS = ["vocals", "accompaniment"]


@pytest.fixture
def song():
    """Half a second of two channels that differ."""
    return np.random.default_rng(0).uniform(-0.5, 0.5, (22050, 2)).astype(np.float32)


@pytest.fixture(params=["float32", "int8"])
def file(request, spleeter_files):
    return spleeter_files[request.param == "int8"]


def test_the_file_says_what_it_hears(file):
    metadata = TfliteFile.open(file).metadata
    form = metadata.spectrogram
    assert (form.kernel, form.hop, form.bins, form.frames, form.masks) == (
        256, 64, 64, 64, "sigmoid"
    )
    assert list(metadata.sources) == STEMS and metadata.segment == 64 * 64
    assert metadata.has_named_sources and not metadata.takes_int16


def test_float32_gives_what_keras_gives(spleeter_run, spleeter_files, song):
    run = Run(spleeter_run)
    form = network_of(run.config).spectrogram(run.config, run.recipe.segment())
    expected = mask_function(run.float_model(), form, 2)(song[:, 0])
    given = SpectrogramEngine(spleeter_files[0]).forward(song[:, 0])
    assert given.shape == expected.shape == (2, len(song))
    np.testing.assert_allclose(given, expected, atol=2e-5)


def test_int8_gives_nearly_the_same(spleeter_files, song):
    expected, given = (SpectrogramEngine(path).forward(song[:, 0]) for path in spleeter_files)
    assert 0.001 < np.abs(given - expected).max() < 0.3


def test_both_planes_of_the_input_count(spleeter_files):
    engine = SpectrogramEngine(spleeter_files[1])
    quiet = np.full((64, 64, 2), 1 / 300, np.float32)  # less than a step of the first plane
    loud = np.full((64, 64, 2), 0.5, np.float32)
    assert np.abs(engine.logits(quiet) - engine.logits(0 * quiet)).max() > 0
    assert np.abs(engine.logits(loud) - engine.logits(0 * loud)).max() > 0.01


def test_both_planes_of_the_output_count(spleeter_files):
    logits = SpectrogramEngine(spleeter_files[1]).logits(np.full((64, 64, 2), 0.3, np.float32))
    steps = logits * 128
    assert np.abs(steps - np.round(steps)).max() > 0.1


def test_stereo_is_separated_as_the_masks_say(file, song):
    engine = SpectrogramEngine(file)
    expected = np.concatenate(
        list(ratio_masks.separate_blocks([song], engine.logits, engine.form, 2)), axis=1
    )
    with Separator(file) as separator:
        given = separator(song, 44100)
    assert list(given) == STEMS
    for name, stem in zip(STEMS, expected, strict=True):
        assert given[name].shape == song.shape and given[name].dtype == np.float32
        np.testing.assert_allclose(given[name], stem, atol=1e-6)


def test_the_level_is_that_of_the_recording(file, song):
    """No gain is applied: a network of magnitudes hears how loud a recording is."""
    with Separator(file) as separator:
        loud, quiet = separator(song, 44100), separator(song / 100, 44100)
    assert np.abs(100 * quiet["vocals"] - loud["vocals"]).max() > 5e-4


def test_mono_is_heard_in_both_ears(file, song):
    with Separator(file) as separator:
        given = separator(song[:, 0], 44100)["vocals"]
        both = separator(song[:, [0, 0]], 44100)["vocals"]
    assert given.shape == (len(song),)
    np.testing.assert_allclose(given, both.mean(axis=1), atol=1e-6)


def test_16_bits_stay_16_bits(file, song):
    steps = np.round(song * 20000).astype(np.int16)
    with Separator(file) as separator:
        given, floats = separator(steps, 44100), separator(steps / 32768, 44100)
    assert given["vocals"].dtype == np.int16
    assert np.abs(given["vocals"] - 32768 * floats["vocals"]).max() <= 0.51


@pytest.mark.parametrize("rate", [8000, 22050, 48000])
def test_any_rate_comes_back_at_its_rate(file, rate):
    tone = np.sin(2 * np.pi * 440 / rate * np.arange(rate // 2)).astype(np.float32)
    with Separator(file) as separator:
        given = separator(np.stack([tone, tone / 2], axis=1), rate)
    assert given["vocals"].shape == (rate // 2, 2)
    # The network hears 11 kHz at most; the tone is far below, and the stems add up to it.
    total = sum(given.values())[1000:-1000]
    np.testing.assert_allclose(total[:, 0], tone[1000:-1000], atol=0.02)
    np.testing.assert_allclose(total[:, 1], tone[1000:-1000] / 2, atol=0.02)


def test_a_silent_channel_stays_silent(file, song):
    song[:, 0] = 0
    with Separator(file) as separator:
        given = separator(song, 44100)
    assert not given["vocals"][:, 0].any() and np.abs(given["vocals"][:, 1]).max() > 0.01


def test_silence_gives_silence(file):
    with Separator(file) as separator:
        given = separator(np.zeros((5000, 2), np.float32), 44100)
    assert not any(stem.any() for stem in given.values())


@pytest.mark.parametrize("samples", [1, 63, 4096, 4097])
def test_any_length_comes_back(file, song, samples):
    with Separator(file) as separator:
        assert separator(song[:samples], 44100)["vocals"].shape == (samples, 2)


def test_blocks_of_any_length_give_the_same(file, song):
    with Separator(file) as separator:
        whole = np.stack(list(separator(song, 44100).values()))
        cut = np.concatenate(list(separator.separate_blocks(
            np.split(song, [7, 1000, 1001, 9000]), 44100, signs=np.ones(2, np.int8)
        )), axis=1)
    np.testing.assert_array_equal(cut, whole)


def test_files_are_read_part_by_part(file, song, tmp_path):
    soundfile.write(tmp_path / "song.wav", np.tile(song, (4, 1)), 44100, subtype="FLOAT")
    with Separator(file) as separator:
        parts = [part["vocals"] for part in separator.chunks(tmp_path / "song.wav")]
        whole = separator(np.tile(song, (4, 1)), 44100)["vocals"]
    assert len(parts) > 10
    np.testing.assert_array_equal(np.concatenate(parts), whole)


@pytest.mark.parametrize("channels", [3, 6])
def test_more_channels_than_two_are_refused_unless_they_become_mono(file, channels, tmp_path):
    sound = np.random.default_rng(0).uniform(-0.1, 0.1, (5000, channels))
    soundfile.write(tmp_path / "song.wav", sound, 44100)
    with Separator(file) as separator:
        for call in (
            lambda: separator(sound, 44100), lambda: separator.measure(tmp_path / "song.wav"),
            lambda: list(separator.chunks(tmp_path / "song.wav")),
        ):
            with pytest.raises(FqssError, match=f"has {channels} channels, but the model takes"):
                call()
    with Separator(file, mono=True) as separator:
        assert separator(sound, 44100)["vocals"].shape == (5000,)


def test_a_gain_is_refused(file, song):
    with Separator(file) as separator, pytest.raises(FqssError, match="at its own level"):
        separator(song, 44100, gain="utterance")


@pytest.mark.parametrize("wrong", [np.nan, np.inf])
def test_numbers_that_are_none_are_refused(file, song, wrong):
    song[100, 1] = wrong
    with Separator(file) as separator, pytest.raises(FqssError, match="NaN or infinite"):
        separator(song, 44100)


def test_it_is_no_engine_of_samples(file):
    with pytest.raises(FqssError, match="a model over spectrograms"):
        Engine(file)


def test_a_file_of_samples_is_no_file_of_spectrograms(tiny_tflite):
    with pytest.raises(FqssError, match="over samples, not over spectrograms"):
        SpectrogramEngine(tiny_tflite)


def test_threads_share_it(file, song):
    from concurrent.futures import ThreadPoolExecutor

    with Separator(file) as separator:
        expected = separator(song, 44100)["vocals"]
        with ThreadPoolExecutor(3) as pool:
            for given in pool.map(lambda _: separator(song, 44100)["vocals"], range(3)):
                np.testing.assert_array_equal(given, expected)


@pytest.mark.parametrize("changes", [
    {"kernel": 128}, {"bins": 65}, {"bins": 256}, {"bins": "64"}, {"masks": "relu"},
    {"kernel": None},
])
def test_a_wrong_description_is_refused(changes, spleeter_files, tmp_path):
    description = _description(spleeter_files[1])
    description["spectrogram"] |= changes
    path = tmp_path / "wrong.tflite"
    path.write_bytes(write_metadata(spleeter_files[1].read_bytes(), description))
    with pytest.raises(FqssError, match="wrong spectrogram: convert it anew"):
        Separator(path)


def test_a_description_of_another_shape_is_refused(spleeter_files, tmp_path):
    description = _description(spleeter_files[1])
    description["spectrogram"]["bins"] = 32
    path = tmp_path / "wrong.tflite"
    path.write_bytes(write_metadata(spleeter_files[1].read_bytes(), description))
    with pytest.raises(FqssError, match=r"its description says int8 \(1, 64, 32, 4\)"):
        Separator(path)


def _description(path):
    model = TfliteFile.open(path).model
    (entry,) = [each for each in model.metadata if each.name == b"fqss"]
    return json.loads(bytes(model.buffers[entry.buffer].data))
