import json

import numpy as np
import pytest
import soundfile
from click.testing import CliRunner

from fqss_tf.cli.main import main
from fqss_tf.runtime import StreamingSeparator
from fqss_tf.runtime.engine import Engine

TINY = (
    "model.filters=32", "model.bottleneck=8", "model.skip=8", "model.hidden=16",
    "model.blocks=2", "model.repeats=1",
)


def convert(*arguments):
    return CliRunner().invoke(main, ["convert", *map(str, arguments)])


def test_a_recipe_is_converted_without_any_training(tmp_path):
    settings = [part for setting in TINY for part in ("--set", setting)]
    output = tmp_path / "untrained.tflite"
    result = convert("--recipe", "convtasnet", *settings, "--seconds", "0.5", "--output", output)
    assert result.exit_code == 0, result.output
    assert "method untrained" in result.output
    metadata = Engine(output).metadata
    assert (metadata.method, metadata.segment, metadata.input_planes) == ("untrained", 4000, 2)
    assert json.loads(output.with_suffix(".json").read_text())["report"]["ops"]


def test_either_a_run_or_a_recipe_is_needed(tmp_path):
    for sources in ([], [tmp_path, "--recipe", "voice-micro"]):
        result = convert(*sources, "--output", tmp_path / "m.tflite")
        assert result.exit_code == 2 and "either a run folder or --recipe" in result.output


def test_settings_do_not_go_with_a_run(tmp_path):
    result = convert(tmp_path, "--set", "seed=1", "--output", tmp_path / "m.tflite")
    assert result.exit_code == 2 and "--set goes with --recipe" in result.output


def test_a_causal_recipe_becomes_a_step_model(tmp_path):
    settings = [part for setting in TINY for part in ("--set", setting)]
    output = tmp_path / "step.tflite"
    result = convert("--recipe", "two-voices-stream", *settings, "--stream", "--output", output)
    assert result.exit_code == 0, result.output
    assert "algorithmic latency 144 samples, 18 ms; 5 states" in result.output
    assert StreamingSeparator(output).latency == 144


def test_a_post_training_file_of_two_planes_from_recordings(tmp_path):
    settings = [part for setting in TINY for part in ("--set", setting)]
    recordings = tmp_path / "recordings"
    recordings.mkdir()
    noise = np.random.default_rng(0).uniform(-0.1, 0.1, (22050 * 4, 2))
    soundfile.write(recordings / "room.wav", noise, 22050)
    output = tmp_path / "ptq.tflite"
    result = convert(
        "--recipe", "two-voices", *settings, "--ptq", "--planes", "2", "--calibrate", recordings,
        "--seconds", "0.5", "--output", output,
    )
    assert result.exit_code == 0, result.output
    metadata = Engine(output).metadata
    assert (metadata.method, metadata.input_planes, metadata.output_planes) == ("ptq", 2, 2)


def test_planes_and_recordings_go_with_ptq(tmp_path):
    for options in (["--planes", "2"], ["--calibrate", tmp_path]):
        result = convert("--recipe", "two-voices", *options, "--output", tmp_path / "m.tflite")
        assert result.exit_code == 2 and "go with --ptq" in result.output


def test_a_folder_without_recordings_is_refused(tmp_path):
    output = tmp_path / "m.tflite"
    result = convert("--recipe", "two-voices", "--ptq", "--calibrate", tmp_path, "--output", output)
    assert result.exit_code == 2 and "holds no audio files" in result.output
    assert list(tmp_path.iterdir()) == []


def test_a_streaming_file_becomes_a_package_for_microcontrollers(step_tflite, tmp_path):
    folder = tmp_path / "package"
    result = convert(step_tflite, "--target", "micro", "--output", folder)
    assert result.exit_code == 0, result.output
    assert "bytes of memory" in result.output and "TFLite Micro" in result.output
    assert (folder / "model.c").exists() and (folder / "tflm" / "main.cc").exists()


def test_so_does_a_recipe_and_its_figures_are_json(tmp_path):
    settings = [part for setting in TINY for part in ("--set", setting)]
    result = convert(
        "--recipe", "two-voices-stream", *settings, "--stream", "--target", "micro", "--json",
        "--output", tmp_path / "package",
    )
    assert result.exit_code == 0, result.output
    figures = json.loads(result.output)
    assert figures["kept_bytes"] < figures["arena_bytes"] and figures["macs"] > 0


def test_without_tflm_a_line_says_how_to_install_it(step_tflite, tmp_path, monkeypatch):
    monkeypatch.setattr("fqss_tf.micro.package.is_installed", lambda: False)
    result = convert(step_tflite, "--target", "micro", "--output", tmp_path / "package")
    assert "pip install 'fqss-tf[mcu]'" in result.output
    assert "#error" in (tmp_path / "package" / "tflm" / "model_tensors.h").read_text()


def test_the_package_for_an_npu_has_an_estimate(step_tflite, tmp_path):
    pytest.importorskip("ethosu.vela")
    folder = tmp_path / "package"
    result = convert(step_tflite, "--target", "ethos-u55-128", "--output", folder)
    assert result.exit_code == 0, result.output
    assert "estimate" in result.output and "real-time factor" in result.output
    assert (folder / "model_vela.tflite").exists() and (folder / "model.c").exists()


def test_without_vela_a_line_says_how_to_install_it(step_tflite, tmp_path, monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    result = convert(step_tflite, "--target", "ethos-u55-128", "--output", tmp_path / "package")
    assert result.exit_code == 2
    assert "pip install 'fqss-tf[mcu]'" in result.output
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "option",
    [("--type", "int8"), ("--ptq",), ("--planes", 1), ("--seconds", 1), ("--least-sqnr", 9)],
)
def test_a_file_that_is_converted_takes_no_options_of_conversion(option, step_tflite, tmp_path):
    result = convert(step_tflite, "--target", "micro", "--output", tmp_path / "out", *option)
    assert result.exit_code == 2 and f"{option[0]} goes with a run" in result.output
    assert list(tmp_path.iterdir()) == []


def test_a_folder_in_use_is_refused_before_anything_is_converted(tmp_path, monkeypatch):
    monkeypatch.setattr("fqss_tf.export.convert.convert", None)
    (tmp_path / "mine.txt").write_text("keep")
    streams = ("--recipe", "voice-micro", "--stream", "--target", "micro")
    result = convert(*streams, "--output", tmp_path)
    assert result.exit_code == 2 and "is not empty" in result.output


def test_operators_may_stay_on_the_cpu_of_npus_alone(step_tflite, tmp_path):
    result = convert(step_tflite, "--allow-cpu", "--target", "micro", "--output", tmp_path / "out")
    assert result.exit_code == 2 and "goes with --target ethos-u" in result.output


def test_a_target_takes_streams_alone(causal_tflite, tmp_path):
    output = tmp_path / "package"
    result = convert("--recipe", "voice-micro", "--target", "micro", "--output", output)
    assert result.exit_code == 2 and "goes with --stream" in result.output
    result = convert(causal_tflite, "--target", "micro", "--output", output)
    assert result.exit_code == 2 and "--stream" in result.output
    assert list(tmp_path.iterdir()) == []
