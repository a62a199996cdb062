import json
import re
from pathlib import Path

import numpy as np
import pytest
import soundfile
from click.testing import CliRunner

from fqss_tf.cli.main import main
from fqss_tf.data.manifest import mixture_of_two, write_manifest
from fqss_tf.runs.run import Run

CHECKPOINT = Path(__file__).parents[1] / "fixtures/checkpoints/asteroid_convtasnet_a.pth"


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """A data set of noise: two speakers, and half a second to score on."""
    folder = tmp_path_factory.mktemp("data")
    for part in ("train", "dev", "test"):
        for number, speaker in enumerate("ab"):
            noise = np.random.default_rng(number).uniform(-0.5, 0.5, 8000)
            (folder / part / speaker).mkdir(parents=True)
            soundfile.write(folder / part / speaker / "0.wav", noise, 8000)
        if part != "train":
            row = mixture_of_two("m", 0.0, "a/0.wav", 0, 0.5, "b/0.wav", 0, 0.5, 4000)
            write_manifest(folder / part / "mixtures.csv", [row])
    return folder


@pytest.fixture(scope="module")
def run(tmp_path_factory, data):
    """Run folder made of a checkpoint by the command."""
    folder = tmp_path_factory.mktemp("imported") / "run"
    result = CliRunner().invoke(main, ["import", str(CHECKPOINT), "--output", str(folder)])
    assert result.exit_code == 0, result.output
    assert "convtasnet from asteroid-convtasnet, 2 sources at 8000 Hz, sep_clean" in result.stdout
    recipe = (folder / "recipe.yaml").read_text().replace("- bundled", f"- {data}")
    short = re.sub("calibration_steps: [0-9]+", "calibration_steps: 1", recipe)
    (folder / "recipe.yaml").write_text(short)
    return folder


def test_as_json_with_a_layout_and_arguments(tmp_path):
    (tmp_path / "config.yaml").write_text("mask_act: sigmoid\nsample_rate: 16000\n")
    result = CliRunner().invoke(main, [
        "import", str(CHECKPOINT), "--output", str(tmp_path / "run"), "--layout", "asteroid",
        "--config", str(tmp_path / "config.yaml"), "--json",
    ])
    assert json.loads(result.stdout) == {
        "run": str(tmp_path / "run"), "layout": "asteroid-convtasnet", "network": "convtasnet",
        "sources": 2, "sample_rate": 16000, "task": "sep_clean", "assumed": {},
    }
    recipe = Run(tmp_path / "run").recipe
    assert (recipe.model.mask_activation, recipe.data.sample_rate) == ("sigmoid", 16000)


def test_a_mistake_is_one_line(tmp_path):
    result = CliRunner().invoke(main, [
        "import", __file__, "--output", str(tmp_path / "run"),
    ])
    assert result.exit_code == 2
    assert result.stderr.startswith("error: ") and "test_import.py" in result.stderr
    assert list(tmp_path.iterdir()) == []


def test_an_imported_run_is_scored_and_is_a_teacher(run, data, tmp_path):
    result = CliRunner().invoke(main, ["evaluate", str(run), "--data", str(data), "--json"])
    assert result.exit_code == 0, result.output
    result = CliRunner().invoke(main, [
        "train", str(run / "recipe.yaml"), "--output", str(tmp_path / "level"), "--teacher",
        str(run), "--set", "qat.steps=0",
    ])
    assert result.exit_code == 0, result.output
    assert Run(tmp_path / "level").publisher is None
    published, levelled = (Run(folder).float_model() for folder in (run, tmp_path / "level"))
    gain = levelled.get_layer("decoder_0").kernel / published.get_layer("decoder_0").kernel
    np.testing.assert_allclose(gain, np.mean(gain), rtol=1e-4)
    assert abs(np.mean(gain) - 1) > 0.01


def test_an_imported_run_converts_to_integers(run, tmp_path):
    result = CliRunner().invoke(main, [
        "convert", str(run), "--output", str(tmp_path / "int8.tflite"), "--ptq",
        "--least-sqnr", "0", "--seconds", "0.5",
    ])
    assert result.exit_code == 0, result.output


def test_a_checkpoint_is_a_teacher_without_an_import(run, data, tmp_path):
    for teacher, folder in ((run, "by_run"), (CHECKPOINT, "by_file")):
        result = CliRunner().invoke(main, [
            "train", str(run / "recipe.yaml"), "--output", str(tmp_path / folder), "--teacher",
            str(teacher), "--set", "qat.steps=0",
        ])
        assert result.exit_code == 0, result.output
    by_run, by_file = (Run(tmp_path / name).float_model() for name in ("by_run", "by_file"))
    for expected, found in zip(by_run.get_weights(), by_file.get_weights(), strict=True):
        np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("option", ["--teacher", "--initial"])
def test_a_checkpoint_of_other_sizes_is_refused_before_the_run_is_made(run, tmp_path, option):
    result = CliRunner().invoke(main, [
        "train", str(run / "recipe.yaml"), "--output", str(tmp_path / "run"), option,
        str(CHECKPOINT), "--set", "model.hidden=3",
    ])
    assert result.exit_code == 2
    assert "asteroid_convtasnet_a.pth is a network of other sizes" in result.stderr
    assert "model.hidden is" in result.stderr and "and 3 in the recipe" in result.stderr
    assert not (tmp_path / "run").exists()
