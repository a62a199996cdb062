"""A command reads each .tflite once: the checked bytes are those that it uses throughout."""

import collections
import hashlib

import numpy as np
import pytest
import soundfile
from ai_edge_litert import schema_py_generated as schema
from click.testing import CliRunner

from fqss_tf.cli.main import main
from fqss_tf.data.manifest import mixture_of_two, write_manifest


@pytest.fixture
def parsed(monkeypatch):
    """How often each content was parsed."""
    counts = collections.Counter()
    parse = schema.ModelT.InitFromPackedBuf

    def counted(content, *rest):
        counts[hashlib.sha256(content).hexdigest()] += 1
        return parse(content, *rest)

    monkeypatch.setattr(schema.ModelT, "InitFromPackedBuf", counted)
    return counts


@pytest.fixture
def data(tmp_path):
    folder = tmp_path / "data"
    folder.mkdir()
    for seed, name in enumerate(["a.wav", "b.wav"]):
        wave = np.random.default_rng(seed).uniform(-0.5, 0.5, 1000)
        soundfile.write(folder / name, wave, 8000)
    write_manifest(
        folder / "mixtures.csv", [mixture_of_two("m", 6.0, "a.wav", 0, 0.8, "b.wav", 0, 0.4, 1000)]
    )
    return folder


@pytest.mark.parametrize("arguments", [
    ["separate", "TINY", "DATA/a.wav", "DATA/b.wav", "--output", "DATA/out"],
    ["separate", "TINY", "--stream", "-"],
    ["separate", "STEP", "--stream", "-"],
    ["inspect", "TINY"],
    ["inspect", "STEP", "--json"],
    ["inspect", "FOREIGN"],
    ["inspect", "TINY", "--compare", "DATA/a.wav"],
    ["evaluate", "TINY", "FLOAT", "STEP", "--data", "DATA"],
    ["benchmark", "TINY", "STEP", "FOREIGN", "--runs", "1", "--per-op", "--data", "DATA"],
], ids=" ".join)
def test_each_file_is_parsed_once(
    arguments, parsed, data, tiny_tflite, tiny_float_tflite, step_tflite, foreign_tflite
):
    files = {
        "TINY": tiny_tflite, "FLOAT": tiny_float_tflite, "STEP": step_tflite,
        "FOREIGN": foreign_tflite,
    }
    command = [
        str(files[word]) if word in files else word.replace("DATA", str(data), 1)
        if word.startswith("DATA") else word for word in arguments
    ]
    result = CliRunner().invoke(main, command, input=bytes(4000))
    assert result.exit_code == 0, result.output
    given = [files[word].read_bytes() for word in arguments if word in files]
    assert parsed == {hashlib.sha256(content).hexdigest(): 1 for content in given}
