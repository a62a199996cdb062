import json

import pytest
import tf_keras
from click.testing import CliRunner

from fqss_tf.cli.inspect import _row, command
from fqss_tf.errors import FqssError
from fqss_tf.tflite.op_report import Op, Tensor


@pytest.fixture(scope="module")
def model_file(tmp_path_factory):
    import tensorflow as tf

    network = tf_keras.Sequential(
        [tf_keras.layers.Input([3], 1), tf_keras.layers.Dense(5, bias_initializer="ones")]
    )
    path = tmp_path_factory.mktemp("models") / "dense.tflite"
    path.write_bytes(tf.lite.TFLiteConverter.from_keras_model(network).convert())
    return path


def inspect(*arguments):
    result = CliRunner().invoke(command, list(map(str, arguments)), catch_exceptions=False)
    assert result.exit_code == 0
    return result.output


def test_table_is_aligned_and_totals_follow(model_file):
    lines = inspect(model_file).splitlines()
    header, row = lines[0], lines[1]
    cells = ["0", "FULLY_CONNECTED", "1x3", "1x5", "float32", "float32", "1", "15", "80"]
    assert row.split() == cells
    values = {"op": "FULLY_CONNECTED", "XNNPACK": "1", "MACs": "15", "bytes": "80"}
    for title, value in values.items():
        assert row.startswith(value, header.index(title))
    assert "multiply-accumulates: 15" in lines
    assert "constants: 80 bytes" in lines
    assert f"file: {model_file.stat().st_size:,} bytes" in lines
    assert "ops: 1 (FULLY_CONNECTED 1)" in lines
    assert lines[-1] == "XNNPACK: 1 of 1 ops in 1 partition"


def test_json_is_the_same_report(model_file):
    report = json.loads(inspect(model_file, "--json"))
    assert report["macs"] == 15
    assert report["ops"][0]["name"] == "FULLY_CONNECTED"
    assert report["outputs"][0]["shape"] == [1, 5]


def test_an_op_that_xnnpack_leaves_out_is_marked_and_named(mixed_tflite):
    header, *rows = inspect(mixed_tflite).splitlines()
    column = header.index("XNNPACK")
    cell = {row.split()[1]: row[column:].split()[0] for row in rows[: rows.index("")]}
    assert cell["CUMSUM"] == "no"
    assert {cell["SIN"], cell["MUL"]} == {"1", "2"}
    total = "XNNPACK: 4 of 5 ops in 2 partitions; left to LiteRT's own kernels: CUMSUM 1"
    assert rows[-1] == total


def test_json_has_the_partition_of_every_op(mixed_tflite):
    report = json.loads(inspect(mixed_tflite, "--json"))
    assert report["xnnpack"] == {"ops": 4, "partitions": 2, "left_out": {"CUMSUM": 1}}
    partition = {op["name"]: op["xnnpack_partition"] for op in report["ops"]}
    assert partition["CUMSUM"] is None
    assert partition["SIN"] == partition["TANH"] != partition["MUL"]


def test_a_model_that_litert_refuses_is_listed_all_the_same(unknown_op_tflite):
    lines = inspect(unknown_op_tflite).splitlines()
    assert any(line.split()[1:2] == ["NoSuchOp"] for line in lines)
    assert lines[-1].startswith("XNNPACK: cannot be told, ")
    report = json.loads(inspect(unknown_op_tflite, "--json"))
    assert {op["xnnpack_partition"] for op in report["ops"]} == {None}
    assert "NoSuchOp" in report["xnnpack"]["error"]


def test_an_op_without_outputs_has_empty_cells():
    tensor = Tensor("state", (1, 4), "int8", 0.5, 0, False, 1, 0)
    row = _row(Op(0, "ASSIGN_VARIABLE", (tensor,), (), 0), None)
    assert row[1] == "ASSIGN_VARIABLE" and row[3:5] == row[6:8] == ("", "")


@pytest.mark.parametrize(
    "content, message",
    [(b"not a model at all", "is not a .tflite file"), (b"\x1c\0\0\0TFL3\0\0", "is damaged")],
)
def test_bad_files_are_named(tmp_path, content, message):
    path = tmp_path / "bad.tflite"
    path.write_bytes(content)
    with pytest.raises(FqssError, match=message) as raised:
        inspect(path)
    assert str(path) in str(raised.value)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(FqssError, match="none.tflite is missing: give a .tflite file"):
        inspect(tmp_path / "none.tflite")


def test_a_folder_is_named(tmp_path):
    with pytest.raises(FqssError, match="is a folder: convert a run first"):
        inspect(tmp_path)


def test_a_step_model_shows_its_states_and_latency(step_tflite, model_file):
    lines = inspect(step_tflite).splitlines()
    step = json.loads(inspect(step_tflite, "--json"))["step"]
    assert f"states: 7, {step['state_bytes']:,} bytes" in lines
    assert any(line.endswith("algorithmic latency 144 samples, 18 ms") for line in lines)
    assert (step["states"], step["samples"]) == (7, 128)
    assert (step["algorithmic_delay"], step["latency"]) == (16, 144)
    assert "step" not in json.loads(inspect(model_file, "--json"))
