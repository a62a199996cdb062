"""With a stand-in for onnxruntime, which tests do not require, and with itself if it is there."""

import importlib.util
import json
import sys

import numpy as np
import pytest
from click.testing import CliRunner

from fqss_tf.benchmark.onnx_subject import onnx_subject
from fqss_tf.cli.main import main
from fqss_tf.errors import FqssError

STAND_IN = '''
import pathlib, types

class SessionOptions:
    pass

class InferenceSession:
    def __init__(self, path, options, providers):
        assert options.intra_op_num_threads >= 1 and providers == ["CPUExecutionProvider"]
        name, kind, *shape = pathlib.Path(path).read_text().split()
        sizes = [int(size) if size.isdigit() else size for size in shape]
        self.inputs = [types.SimpleNamespace(name=name, type=kind, shape=sizes)]

    def get_inputs(self):
        return self.inputs

    def run(self, outputs, values):
        return list(values.values())
'''
# A graph of one op, y = Identity(x), x and y of the shape [1, N].
TENSOR = b"\x0a\x0f\x08\x01\x12\x0b\x0a\x02\x08\x01\x0a\x05\x12\x03TAU"
VALUES = [bytes([tag, 22]) + b"\x0a\x01" + name + b"\x12\x11" + TENSOR
          for tag, name in ((0x5A, b"x"), (0x62, b"y"))]
GRAPH = b"\x0a\x10\x0a\x01x\x12\x01y\x22\x08Identity\x12\x01g" + b"".join(VALUES)
IDENTITY = b"\x08\x07\x3a" + bytes([len(GRAPH)]) + GRAPH + b"\x42\x04\x0a\x00\x10\x0d"


@pytest.fixture
def stand_in(tmp_path, monkeypatch):
    """Function content -> ONNX file; child processes find the stand-in, too."""
    folder = tmp_path / "modules"
    folder.mkdir()
    (folder / "onnxruntime.py").write_text(STAND_IN)
    monkeypatch.syspath_prepend(folder)
    monkeypatch.setenv("PYTHONPATH", str(folder), prepend=":")
    monkeypatch.delitem(sys.modules, "onnxruntime", raising=False)

    def write(content):
        (tmp_path / "other.onnx").write_text(content)
        return tmp_path / "other.onnx"

    yield write
    sys.modules.pop("onnxruntime", None)


def test_a_dynamic_input_takes_the_seconds_of_ours(stand_in):
    subject = onnx_subject(stand_in("mixture tensor(float) batch 1 samples"), 0.5, 16000)
    assert subject.inputs == (("mixture", (1, 1, 8000), np.float32),)
    assert (subject.seconds, subject.runtime) == (0.5, "onnxruntime")
    (values,) = subject.load(threads=1)()
    assert values.shape == (1, 1, 8000) and values.dtype == np.float32 and values.std() > 0.1


def test_a_fixed_input_keeps_its_length(stand_in):
    subject = onnx_subject(stand_in("mixture tensor(int16) 1 4000"), 0.5, 16000)
    assert subject.inputs == (("mixture", (1, 4000), np.int16),)
    assert subject.seconds == 0.25


@pytest.mark.parametrize(
    "content, seconds, message",
    [
        ("words tensor(string) 1 n", 0.5, "input words is a tensor.string., which cannot be timed"),
        ("mixture tensor(float) 1 n", None, "takes any length: give a file, run or recipe"),
        ("broken", 0.5, "cannot load .*other.onnx: not enough values"),
    ],
)
def test_what_cannot_be_timed_is_named(stand_in, content, seconds, message):
    with pytest.raises(FqssError, match=message):
        onnx_subject(stand_in(content), seconds, 8000)


def test_it_is_timed_beside_ours(stand_in, tiny_tflite):
    path = stand_in("mixture tensor(float) 1 n")
    result = CliRunner().invoke(main, [
        "benchmark", str(tiny_tflite), "--onnx", str(path), "--runs", "2", "--json",
    ])
    assert result.exit_code == 0, result.output
    report = json.loads(result.stdout)
    assert isinstance(report["flags"], list)
    ours, other = report["measurements"]
    assert (other["model"], other["runtime"]) == (str(path), "onnxruntime")
    assert other["seconds"] == ours["seconds"] == 0.1
    assert other["median_ms"] > 0 and other["real_time_factor"] > 0


def test_missing_onnxruntime_is_a_line_with_the_command(tiny_tflite, monkeypatch, tmp_path):
    find_spec = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec",
        lambda name, *more: None if name == "onnxruntime" else find_spec(name, *more),
    )
    result = CliRunner().invoke(main, [
        "benchmark", str(tiny_tflite), "--onnx", str(tmp_path / "any.onnx"),
    ])
    assert result.exit_code == 2
    assert result.stderr.splitlines()[-1].endswith("is missing: pip install onnxruntime")


def test_a_missing_file_is_named(stand_in, tmp_path):
    with pytest.raises(FqssError, match="no model .*none.onnx"):
        onnx_subject(tmp_path / "none.onnx", 0.5, 8000)


def test_onnxruntime_itself(tmp_path):
    pytest.importorskip("onnxruntime")
    (tmp_path / "identity.onnx").write_bytes(IDENTITY)
    subject = onnx_subject(tmp_path / "identity.onnx", 0.5, 8000)
    assert subject.inputs == (("x", (1, 4000), np.float32),)
    (values,) = subject.load(threads=1)()
    assert values.shape == (1, 4000)
