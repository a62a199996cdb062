import io
from pathlib import Path

import numpy as np
import pytest
import soundfile

from fqss_tf import audio
from fqss_tf.errors import FqssError


def tone(samples, rate=8000, channels=1):
    time = np.arange(samples) / rate
    pitches = 200 * np.arange(1, channels + 1)
    return (0.5 * np.sin(2 * np.pi * time[:, np.newaxis] * pitches)).astype(np.float32)


# The tolerance is one quantization step; lossy codecs are compared by their error energy.
@pytest.mark.parametrize(
    "suffix, subtype, tolerance",
    [
        ("wav", "PCM_U8", 2.0**-7),
        ("wav", "PCM_16", 2.0**-15),
        ("wav", "PCM_24", 2.0**-23),
        ("wav", "PCM_32", 2.0**-23),
        ("wav", "FLOAT", 0),
        ("wav", "DOUBLE", 0),
        ("flac", "PCM_S8", 2.0**-7),
        ("flac", "PCM_16", 2.0**-15),
        ("flac", "PCM_24", 2.0**-23),
    ],
)
@pytest.mark.parametrize("channels", [1, 2, 6])
def test_reads_lossless_formats(tmp_path, suffix, subtype, tolerance, channels):
    path = tmp_path / f"a.{suffix}"
    original = tone(1000, 96000, channels)
    soundfile.write(path, original, 96000, subtype=subtype)
    waveform, rate = audio.read(path)
    assert (waveform.shape, waveform.dtype, rate) == ((1000, channels), np.float32, 96000)
    assert np.abs(waveform - original).max() <= tolerance


@pytest.mark.parametrize("file_format", ["MP3", "OGG"])
@pytest.mark.parametrize("channels", [1, 2])
def test_reads_lossy_formats(tmp_path, file_format, channels):
    path = tmp_path / f"a.{file_format.lower()}"
    original = tone(44100, 44100, channels)
    soundfile.write(path, original, 44100, format=file_format)
    waveform, rate = audio.read(path)
    assert (waveform.shape, rate) == ((44100, channels), 44100)
    assert np.mean((waveform - original) ** 2) < 0.01 * np.mean(original**2)


def test_resamples_to_the_asked_rate(tmp_path):
    path = tmp_path / "a.wav"
    audio.write(path, tone(44100, 44100, 2), 44100)
    waveform, rate = audio.read(path, rate=8000)
    assert rate == 8000 and waveform.shape == (8000, 2)
    middle = slice(200, -200)  # the filter has no neighbours at the ends
    assert np.abs(waveform - tone(8000, 8000, 2))[middle].max() < 1e-3


def test_resampling_never_loses_every_sample():
    assert audio.resample(np.ones(1, np.float32), 96000, 8000).shape == (1,)


@pytest.mark.parametrize(
    "suffix, subtype", [("wav", "PCM_16"), ("wav", "PCM_24"), ("wav", "PCM_32"), ("flac", "PCM_24")]
)
def test_written_16_bit_samples_return_exactly(tmp_path, suffix, subtype):
    every_value = np.arange(-(2**15), 2**15, dtype=np.int32)
    path = tmp_path / f"a.{suffix}"
    assert audio.write(path, every_value / 2.0**15, 8000, subtype) == 0
    assert np.array_equal(soundfile.read(path, dtype="int16")[0], every_value)
    assert np.array_equal(audio.read(path)[0][:, 0] * 2**15, every_value)


def test_write_counts_and_clips_what_does_not_fit(tmp_path):
    path = tmp_path / "a.wav"
    waveform = np.array([0.0, 1.0, 1.5, -1.0, -1.1, 32767 / 32768])
    assert audio.write(path, waveform, 8000) == 3
    written = soundfile.read(path, dtype="int16")[0].tolist()
    assert written == [0, 32767, 32767, -32768, -32768, 32767]


def test_float_files_keep_what_lies_beyond_one(tmp_path):
    path = tmp_path / "a.wav"
    assert audio.write(path, np.array([2.5, -3.0]), 8000, "FLOAT") == 0
    assert audio.read(path)[0][:, 0].tolist() == [2.5, -3.0]


def test_write_keeps_channels(tmp_path):
    audio.write(tmp_path / "a.wav", tone(10, channels=2), 8000)
    assert audio.read(tmp_path / "a.wav")[0].shape == (10, 2)


@pytest.mark.parametrize("name, subtype", [("a.xyz", "PCM_16"), ("a.wav", "PCM_99")])
def test_unknown_output_formats_are_refused(tmp_path, name, subtype):
    with pytest.raises(FqssError, match="cannot encode audio"):
        audio.write(tmp_path / name, np.zeros(3), 8000, subtype)
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_leaves_no_file(tmp_path, small_files_only):
    with pytest.raises(FqssError, match="File too large"), small_files_only():
        audio.write(tmp_path / "a.wav", np.zeros(10000), 8000)
    assert list(tmp_path.iterdir()) == []


def _text(path):
    path.write_text("this is not audio\n" * 50)


def _flac_bytes():
    content = io.BytesIO()
    noise = np.random.default_rng(0).uniform(-0.5, 0.5, 30000)
    soundfile.write(content, noise, 8000, format="FLAC")
    return content.getvalue()


def _cut_flac(kept):
    def make(path):
        content = _flac_bytes()
        path.write_bytes(content[: int(len(content) * kept)])

    return make


def _samples(*values):
    def make(path):
        soundfile.write(path, np.array(values), 8000, format="WAV", subtype="FLOAT")

    return make


@pytest.mark.parametrize(
    "name, make, message",
    [
        ("a.wav", lambda path: None, "missing"),
        ("a.wav", Path.mkdir, "folder"),
        ("a.wav", _text, "not an audio file"),
        ("a.wav", Path.touch, "not an audio file"),
        ("a.flac", _cut_flac(0.0005), "damaged|cut short"),
        ("a.flac", _cut_flac(0.5), "damaged|cut short"),
        ("a.flac", _cut_flac(0.99), "damaged|cut short"),
        ("a.wav", _samples(), "no samples"),
        ("a.wav", _samples(0.0, np.nan), "NaN"),
        ("a.wav", _samples(np.inf, 0.0), "NaN"),
    ],
)
def test_bad_files_give_one_line_that_names_them(tmp_path, name, make, message):
    path = tmp_path / name
    make(path)
    with pytest.raises(FqssError, match=message) as caught:
        audio.read(path)
    assert str(path) in str(caught.value) and "\n" not in str(caught.value)


def test_a_decoder_that_stops_early_is_an_error(tmp_path, monkeypatch):
    path = tmp_path / "a.wav"
    audio.write(path, tone(100), 8000)
    read_all = soundfile.SoundFile.read
    monkeypatch.setattr(soundfile.SoundFile, "read", lambda *a, **k: read_all(*a, **k)[:60])
    with pytest.raises(FqssError, match="cut short after 0.01 s"):
        audio.read(path)
