"""A stage that was stopped at any moment goes on as if it had not been."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from fqss_tf.config import StageRecipe
from fqss_tf.errors import FqssError
from fqss_tf.training import checkpoints, log, loop

STAGE = StageRecipe(
    steps=4, batch_size=2, learning_rate=0.3, schedule="plateau", patience=0, evaluate_every=2,
    ema_decay=0.5, accumulate=2,
)


class Killed(BaseException):
    """Ends a run where a kill would."""


def kill_at_write(monkeypatch, number):
    """Ends the program where it would write a file for the ``number``-th time (0, 1, ...)."""
    writes = iter(range(1000))

    def dying(write):
        def wrapped(*arguments):
            if next(writes) == number:
                raise Killed
            write(*arguments)

        return wrapped

    monkeypatch.setattr(checkpoints, "write_arrays", dying(checkpoints.write_arrays))
    monkeypatch.setattr(loop, "write_arrays", dying(loop.write_arrays))
    monkeypatch.setattr(log.CsvLog, "write", dying(log.CsvLog.write))


def assert_same(run, whole):
    assert run.log() == whole.log()
    found, expected = run.files(), whole.files()
    assert found.keys() == expected.keys()
    for name, value in expected.items():
        np.testing.assert_array_equal(found[name], value, err_msg=name)


@pytest.fixture(scope="module")
def whole(micro_in, tmp_path_factory):
    """A run that nobody stopped."""
    run = micro_in(tmp_path_factory.mktemp("whole") / "run")
    run.fit(run.model(batch_norm=True), STAGE)
    return run


def test_a_crash_at_any_write_leaves_no_trace(whole, micro_in, tmp_path):
    killed = 0
    while True:
        run = micro_in(tmp_path / str(killed))
        with pytest.MonkeyPatch.context() as monkeypatch:
            kill_at_write(monkeypatch, killed)
            try:
                run.fit(run.model(batch_norm=True), STAGE)
                break
            except Killed:
                killed += 1
        run.fit(run.model(batch_norm=True), STAGE, resume=True)
        assert_same(run, whole)
    evaluations = len(whole.log())
    assert killed > 2 * evaluations  # each writes a row and a checkpoint, some the best weights


def test_an_interrupted_run_goes_on_between_two_evaluations(whole, micro, interrupted_in_step_3):
    with interrupted_in_step_3():
        micro.fit(micro.model(batch_norm=True), STAGE)
    assert micro.files()["checkpoints/float.npz:progress/step"] == 3
    micro.fit(micro.model(batch_norm=True), STAGE, resume=True)
    assert_same(micro, whole)


def test_a_row_that_a_killed_program_left_half_written_is_dropped(whole, micro):
    micro.fit(micro.model(batch_norm=True), STAGE)
    with (micro.folder / "log.csv").open("a") as file:
        file.write("float,1")
    micro.fit(micro.model(batch_norm=True), STAGE, resume=True)
    assert_same(micro, whole)


def test_rows_of_other_stages_stay(micro):
    micro.folder.mkdir()
    (micro.folder / "log.csv").write_text("stage,step,loss\nother,5,1.5\nfloat,0,2.5\n")
    micro.fit(micro.model(), STAGE)
    rows = [(row["stage"], row["step"], row["loss"]) for row in micro.log()]
    assert rows[0] == ("other", "5", "1.5")
    assert [step for _, step, _ in rows[1:]] == ["0", "2", "4"]


def test_a_checkpoint_of_another_network_is_named(micro):
    micro.fit(micro.model(), STAGE)
    with pytest.raises(FqssError, match=r"float.npz is of another network: .*norm/gamma"):
        micro.fit(micro.model(batch_norm=True), STAGE, resume=True)


def test_a_broken_checkpoint_is_named(micro):
    micro.fit(micro.model(), STAGE)
    (micro.folder / "checkpoints/float.npz").write_bytes(b"PK\x03\x04 not a zip")
    with pytest.raises(FqssError, match="cannot read .*float.npz"):
        micro.fit(micro.model(), STAGE, resume=True)


@pytest.mark.slow
def test_twenty_kills_at_random_moments_leave_no_trace(micro_in, tmp_path):
    process = subprocess.run(
        [sys.executable, str(Path(__file__).with_name("killed_run.py")), str(tmp_path)]
    )
    assert process.returncode == 0
    assert_same(micro_in(tmp_path / "killed"), micro_in(tmp_path / "whole"))
