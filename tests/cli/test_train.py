"""What ``fqss-tf train`` makes of its arguments; training itself is left out."""

from types import SimpleNamespace

import pytest
from click.testing import CliRunner

from fqss_tf.cli.main import main
from fqss_tf.config import load_recipe
from fqss_tf.runs.folder import RunFolder
from fqss_tf.training import stages


@pytest.fixture
def train(monkeypatch):
    """Function (arguments) -> (exit code, stderr, what the library was asked for)."""
    asked = SimpleNamespace()

    def noted(recipe, folder, method, teacher, resume, initial, **_):
        vars(asked).update(recipe=recipe, folder=str(folder), method=method, teacher=teacher,
                           resume=resume, initial=initial)
        return SimpleNamespace(folder=folder)

    monkeypatch.setattr(stages, "train", noted)

    def call(*arguments):
        result = CliRunner().invoke(main, ["train", *map(str, arguments)])
        return result.exit_code, result.stderr, asked

    return call


@pytest.fixture
def interrupted(tmp_path):
    """A run that has begun, with a teacher."""
    recipe = load_recipe("two-voices", ["qat.steps=7"])
    return RunFolder.create(
        tmp_path / "run", recipe, "qat", started_from={"teacher": "/data/teacher"}
    )


@pytest.mark.parametrize("form", [["--resume", "RUN"], ["RUN", "--resume"],
                                  ["--resume", "--output", "RUN"]])
def test_a_run_is_resumed_with_no_other_argument(train, interrupted, form):
    arguments = [interrupted.path if word == "RUN" else word for word in form]
    exit_code, stderr, asked = train(*arguments)
    assert exit_code == 0, stderr
    assert (asked.recipe, asked.method) == (interrupted.recipe, "qat")
    assert (asked.folder, asked.resume) == (str(interrupted.path), True)
    assert (asked.teacher, asked.initial) == ("/data/teacher", None)


def test_what_is_repeated_to_resume_counts(train, interrupted):
    _, _, asked = train("two-voices", "--set", "qat.steps=7", "--method", "fqss", "--resume",
                        "--output", interrupted.path, "--initial", "/data/other")
    assert (asked.recipe, asked.method) == (interrupted.recipe, "fqss")
    assert (asked.teacher, asked.initial) == (None, "/data/other")


@pytest.mark.parametrize("arguments", [["--resume", "no"], ["two-voices", "--resume", "-o", "no"]])
def test_a_run_that_does_not_exist_is_not_resumed(train, tmp_path, monkeypatch, arguments):
    monkeypatch.chdir(tmp_path)
    assert train(*arguments)[:2] == (
        2, "error: no is no run to resume: leave --resume away to begin one\n"
    )
    assert list(tmp_path.iterdir()) == []


def test_machines_of_a_cluster_begin_by_resuming(train, tmp_path, monkeypatch):
    monkeypatch.setenv("TF_CONFIG", '{"cluster": {"worker": ["localhost:1"]}, '
                                    '"task": {"type": "worker", "index": 0}}')
    monkeypatch.setattr("fqss_tf.training.distribution.Distribution", lambda _: None)
    exit_code, stderr, asked = train(
        "two-voices", "--resume", "-o", tmp_path / "run", "--distribute", "multiworker"
    )
    assert (exit_code, stderr, asked.method) == (0, "", "fqss")


@pytest.mark.parametrize("arguments, line", [
    (["two-voices"], "missing option '--output'"),
    (["-o", "run"], "missing argument 'RECIPE'"),
])
def test_what_is_missing_is_named(train, arguments, line):
    exit_code, stderr, _ = train(*arguments)
    assert exit_code == 2 and line in stderr


def test_a_run_that_is_resumed_has_its_own_settings(train, interrupted):
    exit_code, stderr, _ = train("--resume", interrupted.path, "--set", "qat.steps=8")
    assert exit_code == 2 and "--set goes with RECIPE" in stderr
