"""Batches that are drawn, and shown to the teacher, once."""

import csv

import numpy as np
import pytest
import tf_keras as keras

from fqss_tf.config import load_recipe
from fqss_tf.data.bad_files import bad_files_named
from fqss_tf.errors import FqssError
from fqss_tf.runs.run import Run
from fqss_tf.training.fixed_batches import FixedBatches
from fqss_tf.training.stages import train

SETTINGS = (
    "model.filters=32", "model.bottleneck=8", "model.skip=8", "model.hidden=16",
    "model.blocks=1", "model.repeats=1", "data.segment_seconds=0.5", "data.dev_mixtures=1",
    "float.steps=0", "quantization.calibration_steps=2", "qat.steps=4",
    "qat.batch_size=2", "qat.evaluate_every=1", "qat.learning_rate=1e-3",
)


def recipe(fixed_batches):
    return load_recipe("two-voices", (*SETTINGS, f"quantization.fixed_batches={fixed_batches}"))


@pytest.fixture(scope="module")
def on_the_fly(tmp_path_factory):
    return train(recipe(0), tmp_path_factory.mktemp("on_the_fly") / "run")


@pytest.fixture(scope="module")
def repeated(on_the_fly, tmp_path_factory):
    folder = tmp_path_factory.mktemp("repeated") / "run"
    return train(recipe(2), folder, teacher=on_the_fly.folder)


def qat_rows(run):
    with (run.folder / "log.csv").open() as file:
        rows = [row for row in csv.DictReader(file) if row["stage"] == "qat"]
    return [{key: value for key, value in row.items() if key != "seconds"} for row in rows]


def losses(run):
    return [float(row["loss"]) for row in qat_rows(run)[1:]]


def test_losses_are_those_of_a_teacher_that_computes_in_each_step(on_the_fly, repeated):
    found, expected = losses(repeated), losses(on_the_fly)
    np.testing.assert_allclose(found[:2], expected[:2], rtol=1e-4)
    assert np.abs(np.subtract(found[2:], expected[2:])).min() > 0.1  # other batches
    assert not repeated.files.fixed_batches.exists()  # of no use any more


def test_an_interrupted_stage_goes_on_without_the_teacher(
    on_the_fly, repeated, tmp_path, monkeypatch, interrupted_in_step_3
):
    with interrupted_in_step_3():
        train(recipe(2), tmp_path / "run", teacher=on_the_fly.folder)
    assert {path.name for path in (tmp_path / "run" / "fixed_batches").iterdir()} == {
        "0.npz", "1.npz",
    }

    class Absent(keras.layers.Layer):
        def call(self, mixture, training):
            raise AssertionError("the teacher computes again")

    monkeypatch.setattr(Run, "frozen_teacher", lambda run: Absent())
    resumed = train(recipe(2), tmp_path / "run", resume=True)
    assert qat_rows(resumed) == qat_rows(repeated)
    with np.load(resumed.folder / "quantized.npz") as mine, np.load(
        repeated.folder / "quantized.npz"
    ) as its:
        for name in its.files:
            np.testing.assert_array_equal(mine[name], its[name], err_msg=name)


@pytest.mark.slow
def test_plain_qat_repeats_its_batches_too(on_the_fly, tmp_path):
    run = train(recipe(1), tmp_path / "run", method="qat", teacher=on_the_fly.folder)
    assert len(losses(run)) == 4 and np.isfinite(losses(run)).all()


def halves(mixture):
    return mixture[:, None] * [[0.5], [0.25]]


def asked_for(micro, asked):
    """``micro.batches`` that notes the first batch and how many were taken of it."""
    def batches(first):
        asked.append(first)
        return micro.batches(first)

    return batches


def test_what_a_killed_run_wrote_is_not_computed_again(micro):
    micro.folder.mkdir()
    asked = []
    for count in (2, 5, 5):  # the first was killed after two
        fixed = FixedBatches(micro.folder / "fixed", count)
        fixed.write_missing(asked_for(micro, asked), halves)
    assert asked == [0, 2]
    drawn = list(micro.batches(0).take(5).as_numpy_iterator())
    read = list(fixed.read(3).take(4).as_numpy_iterator())
    for (mixture, sources, guide), number in zip(read, (3, 4, 0, 1), strict=True):
        np.testing.assert_array_equal(mixture, drawn[number][0])
        np.testing.assert_array_equal(sources, drawn[number][1])
        np.testing.assert_array_equal(guide, mixture[:, None] * [[0.5], [0.25]])


def test_a_damaged_batch_is_named(micro):
    micro.folder.mkdir()
    fixed = FixedBatches(micro.folder / "fixed", 2)
    fixed.write_missing(micro.batches)
    path = micro.folder / "fixed" / "1.npz"
    path.write_bytes(path.read_bytes()[:1000])
    with pytest.raises(FqssError, match=r"1.npz: .*; remove it .*--resume"), bad_files_named():
        list(fixed.read(0).take(2))


def test_a_negative_number_is_refused():
    with pytest.raises(FqssError, match="quantization.fixed_batches is -1"):
        recipe(-1)
