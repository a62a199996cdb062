"""Which model ``separate`` takes."""

import pytest
from separating import assert_refused, copied, run

from fqss_tf.tflite.shipped import DEFAULT


def test_a_truncated_model_is_refused(tiny_tflite, mixture, tmp_path, output):
    model = tmp_path / "cut.tflite"
    model.write_bytes(tiny_tflite.read_bytes()[:1500])
    assert_refused(run(model, mixture, "--output", output), output, "cut.tflite")


def test_a_model_of_another_project_is_refused(foreign_tflite, mixture, output):
    result = run(foreign_tflite, mixture, "--output", output)
    assert_refused(result, output, "not an fqss-tf model")


def test_a_run_folder_is_refused_with_the_way_out(mixture, tmp_path, output):
    (tmp_path / "recipe.yaml").touch()
    assert_refused(run(tmp_path, mixture, "--output", output), output, "convert")


def test_a_missing_model_is_refused(mixture, tmp_path, output):
    assert_refused(run(tmp_path / "no.tflite", mixture, "--output", output), output, "no.tflite")


@pytest.mark.parametrize("name", ["M.TFLITE", "model", "model.bin"])
def test_a_model_may_be_called_anything(tiny_tflite, mixture, tmp_path, output, name):
    model = copied(tiny_tflite, tmp_path / name)[0]
    assert run(model, mixture, "-o", output).exit_code == 0
    assert run(mixture, "-o", output, "--model", model).exit_code == 0
    two = run(model, mixture, "-m", tiny_tflite)
    assert two.exit_code == 2 and "are two models" in two.stderr


def test_a_model_that_is_nearly_called_so_is_named(mixture, output):
    line = "did you mean the model two-voices?"
    assert_refused(run("two-voice", mixture, "-o", output), output, line)
    assert_refused(run("-m", "two-voice", mixture, "-o", output), output, "no model two-voice")


def test_the_shipped_model_is_taken_if_none_is_named(mixture, output, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert run(mixture).exit_code == 0
    assert run(DEFAULT, mixture, "--output", output).exit_code == 0
    for name in ("mixture_voice.wav", "mixture_background.wav"):
        assert (tmp_path / "separated" / name).read_bytes() == (output / name).read_bytes()


@pytest.mark.parametrize("arguments", [[], ["model.tflite"], ["model.tflite", "a.wav"]])
def test_incomplete_usage_exits_with_2(arguments):
    assert run(*arguments).exit_code == 2
