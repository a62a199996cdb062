import json

import pytest
import tf_keras
from click.testing import CliRunner

from fqss_tf.cli.inspect import command
from fqss_tf.errors import FqssError


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
    assert row.split() == ["0", "FULLY_CONNECTED", "1x3", "1x5", "float32", "float32", "15", "80"]
    for title, value in (("op", "FULLY_CONNECTED"), ("MACs", "15"), ("bytes", "80")):
        assert row.startswith(value, header.index(title))
    assert "multiply-accumulates: 15" in lines
    assert "constants: 80 bytes" in lines
    assert f"file: {model_file.stat().st_size:,} bytes" in lines
    assert "ops: 1 (FULLY_CONNECTED 1)" in lines


def test_json_is_the_same_report(model_file):
    report = json.loads(inspect(model_file, "--json"))
    assert report["macs"] == 15
    assert report["ops"][0]["name"] == "FULLY_CONNECTED"
    assert report["outputs"][0]["shape"] == [1, 5]


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
    with pytest.raises(FqssError, match="cannot read .*none.tflite: No such file"):
        inspect(tmp_path / "none.tflite")


def test_a_folder_is_named(tmp_path):
    with pytest.raises(FqssError, match="Is a directory"):
        inspect(tmp_path)
