"""``separate`` of recordings of several channels."""

import shutil

import numpy as np
import pytest
import soundfile
from separating import assert_refused, run, tone

from fqss_tf.runtime import Separator


def stereo(path, gains=(1, 0.5), rate=8000):
    soundfile.write(path, tone(3000, 1) / 4 * gains, rate)
    return path


def channels(output):
    return {soundfile.info(path).channels for path in output.iterdir()}


@pytest.mark.parametrize("right", [-1, 0])
def test_an_opposite_or_silent_channel_takes_nothing_away(tiny_tflite, tmp_path, output, right):
    both, alone = tmp_path / "both.wav", tmp_path / "alone.wav"
    soundfile.write(alone, tone(3000), 8000, subtype="FLOAT")
    soundfile.write(both, tone(3000, 2) * [1, right], 8000, subtype="FLOAT")
    assert run(tiny_tflite, both, alone, "--output", output, "--mono").exit_code == 0
    found, expected = (
        soundfile.read(output / f"{name}_speech_1.wav")[0] for name in ("both", "alone")
    )
    assert np.array_equal(found, expected)


@pytest.mark.parametrize("rate", [8000, 44100])
@pytest.mark.parametrize("mono", [False, True])
def test_a_stereo_file_gives_what_python_gives(tiny_tflite, tmp_path, output, rate, mono):
    path = stereo(tmp_path / "a.wav", rate=rate)
    assert run(tiny_tflite, path, "-o", output, *["--mono"] * mono).exit_code == 0
    waveform = soundfile.read(path, dtype="float32")[0]
    for name, samples in Separator(tiny_tflite, mono=mono)(waveform, rate).items():
        found = soundfile.read(output / f"a_{name}.wav")[0]
        assert found.shape == samples.shape == ((3000,) if mono else (3000, 2))
        assert np.abs(found - samples).max() <= 2.0**-16


def test_what_cannot_be_stereo_is_found_before_anything_is_written(tiny_tflite, tmp_path, output):
    path = stereo(tmp_path / "a.wav", [1, 2, 3])
    refused = run(tiny_tflite, path, "-o", output, "--format", "mp3")
    assert_refused(refused, output, "(3 channels): give another --format, or --mono")
    assert run(tiny_tflite, path, "-o", output, "--format", "mp3", "--mono").exit_code == 0


def test_more_channels_than_surround_has_become_one(tiny_tflite, tmp_path, output):
    for number in (8, 9):
        path = stereo(tmp_path / "a.wav", [1 / 16] * number)
        assert run(tiny_tflite, path, "-o", output).exit_code == 0
        assert channels(output) == {8 if number == 8 else 1}


def test_the_space_for_both_channels_is_checked(tiny_tflite, tmp_path, output, monkeypatch):
    monkeypatch.setattr(shutil, "disk_usage", lambda _: shutil._ntuple_diskusage(1, 1, 20_000))
    path = stereo(tmp_path / "a.wav")
    assert_refused(run(tiny_tflite, path, "-o", output), output, "No space left")
    assert run(tiny_tflite, path, "-o", output, "--mono").exit_code == 0
