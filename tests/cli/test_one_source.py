"""A network of one source goes through every command: speech out of noise."""

import json

import numpy as np
import pytest
import soundfile
from click.testing import CliRunner
from data_trees import make_speakers, write_audio

from fqss_tf.cli.main import main
from fqss_tf.runs.run import Run
from fqss_tf.runtime import StreamingSeparator
from fqss_tf.tflite import TfliteFile

SETTINGS = (
    "model.sources=1", "model.filters=32", "model.bottleneck=8", "model.skip=8",
    "model.hidden=16", "model.blocks=1", "model.repeats=1", "data.segment_seconds=0.5",
    "data.dev_mixtures=1", "float.steps=2", "float.batch_size=1", "float.evaluate_every=2",
    "qat.steps=1", "qat.batch_size=1", "qat.evaluate_every=1", "quantization.calibration_steps=1",
)


def call(*arguments, stdin=None):
    result = CliRunner().invoke(main, [str(argument) for argument in arguments], input=stdin)
    assert result.exit_code == 0, (result.output, result.exception)
    return result


def settings(*more):
    return [part for setting in (*SETTINGS, *more) for part in ("--set", setting)]


@pytest.fixture(scope="module")
def noise(tmp_path_factory):
    folder = tmp_path_factory.mktemp("noise")
    write_audio(folder / "hiss.wav", np.random.default_rng(0).normal(0, 0.1, 12000))
    return folder


@pytest.fixture(scope="module")
def enhancement_set(tmp_path_factory, noise):
    """Made by the command, of speakers who are alone."""
    folder = tmp_path_factory.mktemp("sets")
    make_speakers(folder / "speech", {"train": ("a", "b"), "dev": ("c",), "test": ("d",)})
    call("data", "mix", folder / "speech", "--sources", 1, "--noise", noise, "--least-seconds", 1,
         "--output", folder / "set")
    return folder / "set"


@pytest.fixture(scope="module")
def run(enhancement_set, tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs") / "run"
    call("train", "two-voices", "--output", folder, *settings(f"data.datasets=[{enhancement_set}]"))
    return folder


@pytest.fixture(scope="module")
def files(run, tmp_path_factory):
    """(int8, float32) of the run."""
    folder = tmp_path_factory.mktemp("files")
    for kind in ("int8", "float32"):
        call("convert", run, "--type", kind, "--output", folder / f"{kind}.tflite",
             "--least-sqnr", 0)
    return folder / "int8.tflite", folder / "float32.tflite"


def test_the_files_name_their_source(run, files):
    assert Run(run).recipe.data.task == "enh_single"
    for path in files:
        assert TfliteFile.open(path).metadata.sources == ("speech",)


def test_the_set_is_scored_by_the_number_of_sources(run, files, enhancement_set, tmp_path):
    result = call("evaluate", run, *files, "--data", enhancement_set, "--json",
                  "--csv", tmp_path / "scores.csv")
    models = json.loads(result.stdout)["models"]
    assert [model["model"] for model in models] == [str(run), *map(str, files)]
    assert all(np.isfinite(model["si_sdri"]) for model in models)
    header = (tmp_path / "scores.csv").read_text().splitlines()[0]
    assert header == "model,mixture_id,level_difference,si_sdr_1,si_sdr,si_sdri"


def test_a_set_without_that_task_is_named(files, enhancement_set):
    result = CliRunner().invoke(main, [
        "evaluate", str(files[0]), "--data", str(enhancement_set), "--task", "sep_noisy",
    ])
    assert result.exit_code == 2
    assert "mix_both" in result.stderr and len(result.stderr.splitlines()) == 1


def test_a_recording_and_a_stream_are_separated(files, tmp_path):
    samples = np.random.default_rng(1).integers(-9000, 9000, 9001).astype(np.int16)
    soundfile.write(tmp_path / "in.wav", samples, 8000)
    call("separate", files[0], tmp_path / "in.wav", "--output", tmp_path / "out")
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["in_speech.wav"]
    streamed = call("separate", files[0], "--stream", "-", stdin=samples.tobytes()).stdout_bytes
    assert len(streamed) == 2 * len(samples)


def test_files_are_analysed_inspected_and_timed(run, files, enhancement_set, tmp_path):
    found = json.loads(call(
        "analyze", run, *reversed(files), "--data", enhancement_set, "--output", tmp_path / "a",
        "--least-sdr", -100, "--tensor-utterances", 1, "--utterances", 1, "--json",
    ).stdout)
    assert found["layers"] and found["curves"] and found["advice"]
    assert "masks" not in call("inspect", files[0]).output
    timed = json.loads(call(
        "benchmark", run, *files, "--runs", 1, "--data", enhancement_set, "--json"
    ).stdout)
    assert [one["si_sdr"] is not None for one in timed["measurements"]] == [True] * 3


def test_long_recordings_are_scored(run, files, tmp_path):
    call("convert", run, "--output", tmp_path / "whole.tflite", "--seconds", 2, "--least-sqnr", 0)
    found = json.loads(call(
        "long", files[0], "--whole", tmp_path / "whole.tflite", "--mixtures", 1, "--hours", 0,
        "--json",
    ).stdout)
    assert found["seams"][0]["swapped"] == 0


def test_an_untrained_recipe_becomes_a_step_model(tmp_path):
    call("convert", "--recipe", "two-voices-stream", *settings(), "--stream",
         "--output", tmp_path / "step.tflite")
    assert StreamingSeparator(tmp_path / "step.tflite").metadata.sources == ("speech",)


def test_training_from_speakers_alone_asks_for_noise(noise, tmp_path):
    make_speakers(tmp_path / "speech", {"train": ("a",)})
    roots = f"data.datasets=[{tmp_path / 'speech'}]"
    arguments = ["train", "two-voices", *settings(roots, "qat.steps=0")]
    result = CliRunner().invoke(main, [*arguments, "--output", str(tmp_path / "quiet")])
    assert result.exit_code == 2
    assert "model.sources is 1" in result.stderr.splitlines()[-1]
    assert "data.noise_datasets" in result.stderr.splitlines()[-1]
    call(*arguments, "--output", tmp_path / "noisy", "--set", f"data.noise_datasets=[{noise}]")
