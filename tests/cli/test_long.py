import json

import pytest
from click.testing import CliRunner

from fqss_tf.cli.main import main


@pytest.fixture
def run():
    return lambda *arguments: CliRunner().invoke(main, ["long", *map(str, arguments)])


@pytest.fixture(scope="module")
def whole_tflite(causal_run, tmp_path_factory):
    from fqss_tf.export.convert import convert

    path = tmp_path_factory.mktemp("whole") / "whole.tflite"
    convert(causal_run, path, seconds=4)
    return path


def test_a_file_is_compared_with_one_of_longer_segments(run, causal_tflite, whole_tflite):
    result = run(
        causal_tflite, "--whole", whole_tflite, "--mixtures", 2, "--hours", 0.002, "--json"
    )
    assert result.exit_code == 0, result.output
    found = json.loads(result.stdout)
    (seams,) = found["seams"]
    assert (seams["mixtures"], seams["samples"], seams["seams"]) == (2, 32000, 8)
    assert seams["largest_difference"] < 1
    assert found["memory"]["hours"] == 0.002 and found["memory"]["peak_bytes"] > 1e7


def test_a_table_has_a_column_for_each_whole(run, causal_tflite, whole_tflite):
    result = run(
        causal_tflite, *("--whole", whole_tflite) * 2, "--mixtures", 1, "--hours", 0
    )
    assert result.exit_code == 0, result.output
    assert result.stdout.splitlines()[0].split()[-2:] == ["4", "4"]
    assert "peak memory" not in result.stdout
