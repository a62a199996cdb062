"""Changed files are refused in one line, or used: never a crash, a hang or a leftover."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile

from fqss_tf.errors import FqssError
from fqss_tf.tflite import TfliteFile
from fqss_tf.tflite.checksum import SEAL_BYTES, with_checksum


def metadata_of(path):
    return TfliteFile.open(path).metadata

needs_ffmpeg = pytest.mark.skipif(shutil.which("ffmpeg") is None, reason="ffmpeg is not installed")
MUTATE = Path(__file__).parents[1] / "fixtures" / "hostile.py"


@pytest.fixture(scope="module")
def good_files(tiny_tflite, step_tflite, tmp_path_factory):
    """Name -> (what it is, path)."""
    folder = tmp_path_factory.mktemp("good")
    wave = 0.3 * np.sin(np.arange(2000) / 9)
    both = np.stack([wave, wave], axis=1)
    soundfile.write(folder / "a.wav", wave, 8000)
    soundfile.write(folder / "a.flac", wave, 16000)
    with soundfile.SoundFile(folder / "float.wav", "w", 16000, 2, "FLOAT") as file:
        file.title = "a title"
        file.write(both)
    for name in ("a.mp3", "a.ogg"):
        soundfile.write(folder / name, np.tile(both, (4, 1)), 16000)
    if shutil.which("ffmpeg"):
        command = ["ffmpeg", "-v", "error", "-i", folder / "a.wav", folder / "a.m4a"]
        subprocess.run(command, check=True)
    (folder / "sealed.tflite").write_bytes(with_checksum(tiny_tflite.read_bytes()))
    return {
        "wav": ("recording", folder / "a.wav"),
        "float wav": ("recording", folder / "float.wav"),
        "flac": ("recording", folder / "a.flac"),
        "mp3": ("recording", folder / "a.mp3"),
        "ogg": ("recording", folder / "a.ogg"),
        "m4a": ("recording", folder / "a.m4a"),
        "tflite": ("model", tiny_tflite),
        "sealed tflite": ("model", folder / "sealed.tflite"),
        "graph": ("graph", tiny_tflite),
        "streaming model": ("step", step_tflite),
    }


def refused(good_files, name, model, folder, mutants):
    """How many of that many mutants were refused; fails if the process did not survive them."""
    kind, path = good_files[name]
    folder.mkdir()
    command = [sys.executable, MUTATE, kind, path, model, folder, 0, mutants]
    result = subprocess.run([str(part) for part in command], capture_output=True, text=True)
    assert result.returncode == 0, result.stdout[-50:] + result.stderr[-2000:]
    return int(result.stdout.split()[-1])


NAMES = [
    "wav", "float wav", "flac", "mp3", "ogg", "tflite", "sealed tflite", "graph", "streaming model",
]


@pytest.mark.parametrize("name", NAMES)
def test_200_mutants(good_files, name, tiny_tflite, tmp_path):
    count = refused(good_files, name, tiny_tflite, tmp_path / "mutants", 200)
    assert 0 < count <= 200


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in NAMES if name != "mp3"])
def test_2000_mutants(good_files, name, tiny_tflite, tmp_path):
    assert refused(good_files, name, tiny_tflite, tmp_path / "mutants", 2000) > 0


# 2000 of them take nine minutes: FQSS_MUTANTS=2000 asks for so many.
@pytest.mark.slow
@pytest.mark.parametrize("name", ["mp3", pytest.param("m4a", marks=needs_ffmpeg)])
def test_mutants_that_take_long(good_files, name, tiny_tflite, tmp_path):
    count = int(os.environ.get("FQSS_MUTANTS", "300"))
    assert refused(good_files, name, tiny_tflite, tmp_path / "mutants", count) > 0


def test_no_changed_bit_of_a_sealed_model_passes(tiny_tflite, tmp_path):
    content = with_checksum(tiny_tflite.read_bytes())
    path = tmp_path / "a.tflite"
    for place in range(0, len(content) - SEAL_BYTES, 5):
        changed = bytearray(content)
        changed[place] ^= 1 << place % 8
        path.write_bytes(changed)
        with pytest.raises(FqssError, match="a.tflite"):
            metadata_of(path)
