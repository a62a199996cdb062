"""Every mistake is one line on stderr and exit code 2, and leaves nothing behind."""

import pytest
from click.testing import CliRunner

from fqss_tf.cli.main import main


def fails(arguments, *parts):
    result = CliRunner().invoke(main, [str(argument) for argument in arguments])
    assert result.exit_code == 2, result.output
    (line,) = result.stderr.splitlines()
    assert line.startswith("error: "), result.stderr
    for part in parts:
        assert part in line


def test_unknown_recipe(tmp_path):
    fails(["train", "quickstrat", "--output", tmp_path / "run"], "quickstrat", "quickstart")
    assert list(tmp_path.iterdir()) == []


def test_unknown_recipe_key(tmp_path):
    fails(["train", "quickstart", "--output", tmp_path / "run", "--set", "qat.stpes=3"],
          "qat.stpes", "did you mean qat.steps?")
    assert list(tmp_path.iterdir()) == []


def test_recipe_value_of_the_wrong_kind(tmp_path):
    fails(["train", "quickstart", "--output", tmp_path / "run", "--set", "qat.steps=many"],
          "qat.steps", "it must be a whole number")


def test_too_few_filters_are_found_before_anything_is_trained(tmp_path):
    settings = ["--set", "model.filters=16", "--set", "quantization.residual=samples"]
    fails(["train", "two-voices", "--output", tmp_path / "run", *settings],
          "model.filters 16", "model.kernel 32")
    assert list(tmp_path.iterdir()) == []


def test_several_machines_without_a_cluster(tmp_path, monkeypatch):
    monkeypatch.delenv("TF_CONFIG", raising=False)
    fails(["train", "quickstart", "--output", tmp_path / "run", "--distribute", "multiworker"],
          "needs TF_CONFIG")
    assert list(tmp_path.iterdir()) == []


def test_a_schedule_that_is_none(tmp_path):
    fails(["train", "quickstart", "--output", tmp_path / "run", "--set", "float.schedule=linear"],
          "schedule 'linear' is unknown", "plateau")


@pytest.mark.parametrize("arguments, part", [
    (["separat"], "no command 'separat': did you mean 'separate'? See fqss-tf --help"),
    (["data", "chek"], "did you mean 'check'? See fqss-tf data --help"),
    (["separate", "--ouput", "x"], "did you mean '--output'? See fqss-tf separate --help"),
    (["separate", "--jobs", "0", "a.wav"], "'--jobs': 0 is not in the range"),
    (["train"], "missing option '--output'; see fqss-tf train --help"),
    (["--verbos"], "'--verbos'"),
])
def test_wrong_usage(arguments, part):
    fails(arguments, part)


@pytest.mark.parametrize("command", ["separate", "inspect", "evaluate", "convert"])
def test_a_name_that_no_file_system_takes(command, tmp_path):
    name = "a" * 300
    more = {"evaluate": ["--data", "bundled"], "convert": ["--output", tmp_path / "m.tflite"]}
    fails([command, name, *more.get(command, [])], name[:200], "too long")


def test_unknown_type(tmp_path):
    fails(["convert", tmp_path, "--output", tmp_path / "m.tflite", "--type", "int4"], "int4")


def test_a_missing_folder_is_found_before_anything_is_converted(tmp_path):
    command = ["convert", "--recipe", "quickstart", "--output", tmp_path / "no" / "m.tflite"]
    fails(command, "no/m.tflite: the folder", "does not exist")


def test_convert_of_what_is_no_run(tmp_path):
    fails(["convert", tmp_path, "--output", tmp_path / "m.tflite"], "is not a run folder")
    assert list(tmp_path.iterdir()) == []


def test_training_data_that_is_not_there(tmp_path):
    fails(["train", "quickstart", "--output", tmp_path / "run", "--set", "data.datasets=[nowhere]"],
          "nowhere")
    assert list(tmp_path.iterdir()) == []


def test_quickstart_into_a_used_folder(tmp_path):
    (tmp_path / "mine.txt").write_text("keep")
    fails(["quickstart", "--output", tmp_path], "is not empty")
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]


@pytest.mark.parametrize("content", [b"", b"TFL3", b"\x1c\x00\x00\x00TFL3" + bytes(40)])
@pytest.mark.parametrize("command", ["inspect", "evaluate", "separate"])
def test_truncated_tflite(command, content, tmp_path):
    path = tmp_path / "cut.tflite"
    path.write_bytes(content)
    more = {
        "inspect": [],
        "evaluate": ["--data", "bundled"],
        "separate": [tmp_path / "cut.tflite", "--output", tmp_path / "out"],
    }[command]
    fails([command, path, *more], "cut.tflite")
    assert [entry.name for entry in tmp_path.iterdir()] == ["cut.tflite"]


@pytest.mark.parametrize("hours", ["nan", "inf", "-1"])
def test_hours_that_do_not_end(hours):
    fails(["long", "voice", "--hours", hours], "--hours")


def test_training_times_nothing_on_a_phone(tmp_path):
    fails(["benchmark", "quickstart", "--training", "--benchmark-model", tmp_path / "tool"],
          "--training takes one recipe")


def test_a_host_without_a_scheme(tmp_path, monkeypatch):
    monkeypatch.setenv("GITHUB_HOST", "github.example.com")
    fails(["import", "spleeter:2stems", "--output", tmp_path / "run"],
          "GITHUB_HOST is github.example.com: it must begin with https://")
    assert list(tmp_path.iterdir()) == []
