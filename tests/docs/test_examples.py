"""The programs in examples/ run as their docstrings say."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile

ROOT = Path(__file__).parents[2]
CHECKPOINT = ROOT / "tests" / "fixtures" / "checkpoints" / "asteroid_convtasnet_a.pth"


@pytest.fixture(scope="module")
def recording(tmp_path_factory):
    """Two seconds of noise that swells, at 16 kHz, in two channels."""
    path = tmp_path_factory.mktemp("recordings") / "noise.wav"
    noise = np.random.default_rng(0).uniform(-0.5, 0.5, (32000, 2))
    soundfile.write(path, noise * np.linspace(0, 1, 32000)[:, None], 16000)
    return path


def run(folder, name, *arguments):
    command = [sys.executable, ROOT / "examples" / name, *arguments]
    result = subprocess.run(
        list(map(str, command)), cwd=folder, capture_output=True, text=True, timeout=300
    )
    assert result.returncode == 0, result.stderr
    return result.stdout


def test_separate_file(recording, tmp_path):
    printed = run(tmp_path, "separate_file.py", recording)
    paths = sorted((tmp_path / "separated").iterdir())
    assert [path.name for path in paths] == ["noise_background.wav", "noise_voice.wav"]
    assert len(printed.splitlines()) == 2
    assert all(soundfile.info(path).frames == 32000 for path in paths)


def test_stream_from_a_recording(recording, tmp_path):
    latency, *levels = run(tmp_path, "stream_microphone.py", recording).splitlines()
    assert latency == "16 ms of latency"
    assert len(levels) == 1 and levels[0].count("dB") == 2


@pytest.mark.slow
def test_quantize_a_checkpoint(recording, tmp_path):
    small = ("quantization.calibration_steps=1", "data.dev_mixtures=2", "data.segment_seconds=0.5")
    printed = run(
        tmp_path, "quantize_your_checkpoint.py", CHECKPOINT, recording.parent, "int8.tflite",
        "--least-sqnr", 0, *(word for setting in small for word in ("--set", setting)),
    )
    assert printed.startswith("asteroid-convtasnet")
    assert (tmp_path / "int8.tflite").stat().st_size > 0
    assert (tmp_path / "int8.json").exists()
