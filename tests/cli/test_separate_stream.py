"""``separate --stream`` and ``--microphone``."""

import os
import subprocess
import sys

import numpy as np
import pytest
from separating import assert_refused, run, tone

from fqss_tf.runtime import Separator, StreamingSeparator
from fqss_tf.tflite.shipped import DEFAULT_STREAMING, model_path


def stream(model, content, *options):
    command = [sys.executable, "-m", "fqss_tf.cli.main", "separate"]
    if model is not None:
        command.append(str(model))
    return subprocess.run([*command, "--stream", "-", *options], input=content, capture_output=True)


def test_a_raw_stream_goes_from_stdin_to_stdout(tiny_tflite):
    samples = np.round(tone(5000)[:, 0] * 20000).astype("<i2")
    result = stream(tiny_tflite, samples.tobytes(), "--rate", "8000")
    assert result.returncode == 0, result.stderr
    separated = np.frombuffer(result.stdout, "<i2").reshape(-1, 2)
    expected = Separator(tiny_tflite)(samples, 8000).values()
    assert np.array_equal(separated, np.stack(list(expected), axis=1))


def test_a_stream_of_nothing_is_one_line(tiny_tflite):
    result = stream(tiny_tflite, b"")
    assert (result.returncode, result.stdout) == (2, b"")
    assert result.stderr.splitlines()[-1] == b"error: the stream holds no samples"


def test_a_stream_and_files_do_not_go_together(tiny_tflite, mixture, output):
    result = run(tiny_tflite, mixture, "--stream", "-", "--output", output)
    assert result.exit_code == 2 and "--stream takes no FILE" in result.stderr


@pytest.mark.parametrize("named", [True, False])
def test_a_step_model_streams_in_steps(named, step_tflite):
    samples = np.round(tone(5000)[:, 0] * 20000).astype("<i2")
    result = stream(step_tflite if named else None, samples.tobytes(), "--gain", "0")
    assert result.returncode == 0, result.stderr
    separated = np.frombuffer(result.stdout, "<i2").reshape(-1, 2)
    model = step_tflite if named else model_path(DEFAULT_STREAMING)
    expected = StreamingSeparator(model, gain=0).separate(samples)
    assert np.array_equal(separated.T, np.stack(list(expected.values())))


def test_the_microphone_is_a_stream_until_ctrl_c(step_tflite, tmp_path):
    """Through a module that stands for sounddevice: half a second, then Ctrl-C."""
    (tmp_path / "sounddevice.py").write_text(
        "class PortAudioError(Exception): pass\n"
        "class RawInputStream:\n"
        "    def __init__(self, **_): self.left = 4000\n"
        "    def start(self): pass\n"
        "    def close(self): pass\n"
        "    def read(self, frames):\n"
        "        self.left -= frames\n"
        "        if self.left < 0: raise KeyboardInterrupt\n"
        "        return bytes(frames) + bytes([40]) * frames, self.left == 0\n"
    )
    command = [sys.executable, "-m", "fqss_tf.cli.main", "separate", str(step_tflite)]
    environment = os.environ | {
        "PYTHONPATH": os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")])
    }
    result = subprocess.run([*command, "--microphone"], capture_output=True, env=environment)
    assert result.returncode == 0, result.stderr
    blocks = 4000 // 64
    assert len(result.stdout) == 64 * blocks * 2 * 2 and any(result.stdout)


def test_microphone_without_sounddevice_is_one_line(step_tflite, output, monkeypatch):
    monkeypatch.setitem(sys.modules, "sounddevice", None)
    assert_refused(run(step_tflite, "--microphone"), output, "pip install 'fqss-tf[microphone]'")


def test_a_step_model_takes_no_files(step_tflite, mixture, output):
    assert_refused(run(step_tflite, mixture, "--output", output), output, "is a streaming model")


@pytest.mark.parametrize("arguments, message", [
    (["--stream", "-", "--microphone"], "two sources"),
    (["--stream", "-", "--gain", "utterance"], "neither running nor decibels"),
    (["--stream", "-", "--gain", "99"], "gain 99.0 is unknown"),
    (["--gain", "3", "a.wav", "--output", "voices"], "none of running, utterance"),
])
def test_wrong_options_of_a_stream_are_named(step_tflite, arguments, message):
    result = run(step_tflite, *arguments)
    assert result.exit_code == 2 and message in result.stderr


def test_a_model_for_segments_has_no_fixed_gain(tiny_tflite):
    result = run(tiny_tflite, "--stream", "-", "--gain", "3")
    assert result.exit_code == 2 and "goes with a streaming model" in result.stderr


@pytest.mark.parametrize("options", [
    ["--format", "flac"], ["--subtype", "PCM_24"], ["--jobs", "2"], ["--json"], ["--stop"],
    ["--output", "x"], ["a.wav"],
])
def test_a_stream_takes_nothing_that_is_for_files(options):
    result = run("--stream", "-", *options)
    assert result.exit_code == 2 and f"--stream takes no {options[0]}".replace(
        "no a.wav", "no FILE: a.wav") in result.stderr
