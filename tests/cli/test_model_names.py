"""Every command that takes a .tflite file takes the name of a model that ships."""

import json

import pytest
from click.testing import CliRunner

from fqss_tf.cli.main import main


def run(*arguments):
    return CliRunner().invoke(main, list(map(str, arguments)))


def listed(*arguments):
    result = run(*arguments, "--json")
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def test_inspect(toy_ships, tiny_tflite):
    assert listed("inspect", "toy") == listed("inspect", tiny_tflite)


def test_evaluate_calls_it_by_its_name(toy_ships, tiny_tflite):
    models = listed("evaluate", "toy", tiny_tflite, "--data", "bundled")["models"]
    assert [model["model"] for model in models] == ["toy", str(tiny_tflite)]
    assert models[0]["si_sdr"] == models[1]["si_sdr"]


def test_benchmark_calls_it_by_its_name(toy_ships):
    report = listed("benchmark", "toy", "--runs", 2, "--data", "bundled")
    (row,) = report["measurements"]
    assert row["model"] == "toy" and row["si_sdr"] is not None


def test_benchmark_takes_the_recipe_of_that_name_where_an_option_is_for_recipes(
    tiny_tflite, tmp_path, monkeypatch
):
    from fqss_tf.tflite import shipped

    (tmp_path / "dprnn.tflite").write_bytes(tiny_tflite.read_bytes())
    monkeypatch.setattr(shipped, "FOLDER", tmp_path)
    (row,) = listed("benchmark", "dprnn", "--runs", 1)["measurements"]
    assert row["model"] == "dprnn" and row["runtime"] == "LiteRT"
    result = run("benchmark", "dprnn", "--set", "model.blcks=2")
    assert result.exit_code == 2 and "did you mean model.blocks?" in result.stderr


def test_analyze_calls_them_by_their_names(tflite_files, tmp_path, monkeypatch):
    from fqss_tf.tflite import shipped

    monkeypatch.setattr(shipped, "FOLDER", tflite_files[0].parent)
    found = listed("analyze", "float", "split", "--data", "bundled", "--output",
                   tmp_path / "report", "--utterances", 2, "--tensor-utterances", 1,
                   "--least-sdr", -99)
    assert {row["model"] for row in found["files"]} == {"split"}


def test_long(toy_ships):
    found = listed("long", "toy", "--hours", 0.001)
    assert found["model"] == "toy" and found["memory"]["hours"] == 0.001


def test_separate(toy_ships, mixture, tmp_path):
    for number, model in enumerate((["toy"], ["--model", "toy"])):
        (report,) = listed("separate", *model, mixture, "--output", tmp_path / str(number))
        assert report["samples"] == 3000


def test_convert_for_a_microcontroller(step_tflite, tmp_path, monkeypatch):
    from fqss_tf.tflite import shipped

    (tmp_path / "models").mkdir()
    (tmp_path / "models" / "steps.tflite").write_bytes(step_tflite.read_bytes())
    monkeypatch.setattr(shipped, "FOLDER", tmp_path / "models")
    made = tmp_path / "package"
    figures = listed("convert", "steps", "--target", "micro", "--output", made)
    assert figures["macs"] > 0 and (made / "model.c").exists()


@pytest.mark.parametrize("arguments", [
    ["separate", "--model", "toi", "MIXTURE"], ["evaluate", "toi", "--data", "bundled"],
    ["benchmark", "toi"], ["inspect", "toi"], ["long", "toi"],
    ["analyze", "toi", "--data", "bundled", "--output", "OUTPUT"],
])
def test_an_unknown_name_is_one_line_that_lists_the_known_ones(
    toy_ships, mixture, output, arguments
):
    paths = {"MIXTURE": mixture, "OUTPUT": output}
    result = run(*(paths.get(argument, argument) for argument in arguments))
    assert (result.exit_code, result.stdout) == (2, "")
    (line,) = result.stderr.splitlines()
    assert line.startswith("error: no model toi: ") and "plain, toy" in line
    assert not output.exists()
