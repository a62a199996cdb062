"""``fqss-tf train`` from the float weights of a model that ships."""

import numpy as np
import pytest
from click.testing import CliRunner

from fqss_tf.cli.main import main
from fqss_tf.runs.folder import RunFolder
from fqss_tf.runs.weights import read_arrays, weights_of


def train(toy, folder, *arguments):
    sizes = [f"model.{name}={getattr(toy.config, name)}"
             for name in ("filters", "bottleneck", "skip", "hidden", "blocks", "repeats")]
    settings = [*sizes, "data.segment_seconds=0.5", "float.steps=1", "float.batch_size=1",
                "data.dev_mixtures=1", "qat.steps=0"]
    result = CliRunner().invoke(main, [
        "train", "two-voices", "--output", str(folder), *arguments,
        *(part for setting in settings for part in ("--set", setting)),
    ])
    return result


@pytest.mark.parametrize("role", ["teacher", "initial"])
def test_a_run_begins_with_the_weights_of_the_name(toy_ships, tmp_path, monkeypatch, role):
    monkeypatch.chdir(tmp_path)
    result = train(toy_ships, tmp_path / "run", f"--{role}", "toy")
    assert result.exit_code == 0, result.output
    folder = RunFolder(tmp_path / "run")
    assert folder.started_from == {role: "toy"}
    found, expected = read_arrays(folder.float_weights), weights_of(toy_ships.float_model())
    if role == "teacher":
        assert all(np.array_equal(found[name], expected[name]) for name in expected)
    # The name is enough to go on from another folder.
    assert CliRunner().invoke(main, ["train", "--resume", str(folder.path)]).exit_code == 0


@pytest.mark.parametrize("role", ["--teacher", "--initial"])
def test_an_unknown_name_lists_the_known_ones(toy_ships, tmp_path, role):
    result = train(toy_ships, tmp_path / "run", role, "toi")
    assert result.exit_code == 2 and not (tmp_path / "run").exists()
    (line,) = result.stderr.splitlines()
    assert line.startswith("error: no float network toi: ") and line.endswith(": toy")
