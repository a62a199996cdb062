import csv
import os
import shutil
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

from fqss_tf.config import load_recipe
from fqss_tf.errors import FqssError
from fqss_tf.runs.run import Run
from fqss_tf.runs.untrained import UntrainedRun
from fqss_tf.runs.weights import weights_of
from fqss_tf.training.stages import train

SETTINGS = (
    "model.filters=32", "model.bottleneck=8", "model.skip=8", "model.hidden=16",
    "model.blocks=2", "model.repeats=1", "data.segment_seconds=0.5", "float.steps=6",
    "float.batch_size=2", "float.evaluate_every=2", "quantization.calibration_steps=2",
    "qat.steps=4",
    "qat.batch_size=2", "qat.evaluate_every=2",
)
RECIPE = load_recipe("two-voices", SETTINGS)


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    return train(RECIPE, tmp_path_factory.mktemp("finished") / "run")


def test_run_folder_has_recipe_log_and_weights(finished):
    names = {path.name for path in finished.folder.iterdir()}
    assert {"recipe.yaml", "log.csv", "tensorboard", "float.npz", "quantized.npz"} <= names
    assert Run(finished.folder).recipe == RECIPE
    rows = list(csv.DictReader((finished.folder / "log.csv").open()))
    assert [(row["stage"], row["step"]) for row in rows] == [
        ("float", "0"), ("float", "2"), ("float", "4"), ("float", "6"),
        ("qat", "0"), ("qat", "2"), ("qat", "4"),
    ]


def test_tensorboard_shows_how_the_ranges_move(finished):
    (events,) = (finished.folder / "tensorboard" / "qat").iterdir()
    content = events.read_bytes()
    assert b"maximum/block_0_in" in content and b"minimum/bottleneck" in content


def test_a_killed_run_resumes_to_the_same_weights(finished, tmp_path):
    folder = tmp_path / "run"
    arguments = [sys.executable, "-m", "fqss_tf.cli.main", "train", "two-voices", "--output",
                 str(folder), *(part for item in SETTINGS for part in ("--set", item))]
    process = subprocess.Popen(arguments, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 240
    while not (folder / "checkpoints" / "float.npz").exists():
        assert process.poll() is None and time.monotonic() < deadline
        time.sleep(0.05)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    assert not (folder / "quantized.npz").exists()
    resumed = train(RECIPE, folder, resume=True)
    for name in ("float.npz", "quantized.npz"):
        with np.load(finished.folder / name) as whole, np.load(resumed.folder / name) as parts:
            for key in whole.files:
                np.testing.assert_array_equal(parts[key], whole[key], err_msg=key)


def test_vanilla_qat_has_one_stage_on_both_sides(finished, tmp_path):
    run = train(RECIPE, tmp_path / "qat", method="qat", teacher=finished.folder)
    assert run.planes == (1, 1)
    with np.load(run.folder / "float.npz") as mine, np.load(finished.folder / "float.npz") as its:
        assert all(np.array_equal(mine[key], its[key]) for key in its.files)


def test_a_used_folder_is_not_overwritten(finished):
    with pytest.raises(FqssError, match="--resume"):
        train(RECIPE, finished.folder)


def test_a_teacher_of_other_sizes_is_refused(finished, tmp_path):
    other = load_recipe("two-voices", (*SETTINGS, "model.filters=64"))
    with pytest.raises(FqssError, match="other sizes"):
        train(other, tmp_path / "run", teacher=finished.folder)


@pytest.mark.parametrize(("setting", "message"), [
    ("data.sample_rate=8000", "works at 16000 Hz, the recipe at 8000 Hz: set data.sample_rate"),
    ("data.sources=[background,voice]", "gives voice, background, the recipe wants background, v"),
])
def test_a_teacher_of_another_rate_or_order_is_refused(setting, message, tmp_path):
    settings = (*SETTINGS, "data.sources=[voice,background]", "data.sample_rate=16000")
    teacher = UntrainedRun(load_recipe("two-voices", settings))
    with pytest.raises(FqssError, match=message):
        train(load_recipe("two-voices", (*settings, setting)), tmp_path / "run", teacher=teacher)
    assert not (tmp_path / "run").exists()


def assert_same_function(initial, run):
    """But for the level, which is calibrated anew."""
    mixture, _ = run.mixtures("dev")[0]
    first, second = (
        np.asarray(source.float_model()(mixture[None, None, :, None])) for source in (initial, run)
    )
    level = np.vdot(first, second) / np.vdot(first, first)
    np.testing.assert_allclose(second, level * first, atol=1e-4)


def test_float_training_starts_from_the_initial_weights(finished, tmp_path):
    recipe = load_recipe("two-voices", (*SETTINGS, "float.steps=0",
    "qat.steps=0"))
    run = train(recipe, tmp_path / "run", initial=finished.folder)
    assert_same_function(finished, run)


def test_a_run_that_goes_on_needs_its_initial_weights_no_more(finished, tmp_path):
    recipe = load_recipe("two-voices", (*SETTINGS, "qat.steps=0"))
    initial = shutil.copytree(finished.folder, tmp_path / "initial")
    whole = train(recipe, tmp_path / "run", initial=initial)
    (whole.folder / "float.npz").rename(tmp_path / "whole.npz")
    shutil.rmtree(initial)
    resumed = train(recipe, whole.folder, resume=True, initial=initial)
    with np.load(tmp_path / "whole.npz") as first, np.load(resumed.folder / "float.npz") as second:
        assert all(np.array_equal(first[key], second[key]) for key in first.files)
    with pytest.raises(FqssError, match="initial"):
        train(recipe, tmp_path / "anew", initial=initial)


def test_a_network_that_looks_ahead_starts_from_one_that_does_not(tmp_path):
    settings = (*SETTINGS, "float.steps=0", "qat.steps=0")
    causal = train(
        load_recipe("two-voices", (*settings, "model.causal=true")), tmp_path / "causal"
    )
    run = train(load_recipe("two-voices", settings), tmp_path / "run", initial=causal.folder)
    with np.load(causal.folder / "float.npz") as first, np.load(run.folder / "float.npz") as second:
        assert set(first.files) == set(second.files)
        kept = [key for key in first.files if "decoder" not in key]  # whose level is calibrated
        assert all(np.array_equal(first[key], second[key]) for key in kept)
    with pytest.raises(FqssError, match="model.causal is True there"):
        train(load_recipe("two-voices", settings), tmp_path / "other", teacher=causal.folder)


def test_a_wider_network_begins_with_the_function_of_a_narrower_one(finished, tmp_path):
    sizes = ("model.bottleneck=10", "model.skip=12", "model.hidden=24")
    stages = ("float.steps=0", "qat.steps=0")
    recipe = load_recipe("two-voices", (*SETTINGS, *stages, *sizes))
    run = train(recipe, tmp_path / "run", initial=finished.folder)
    assert_same_function(finished, run)
    weights = weights_of(run.float_model())
    assert weights["block_0_in/kernel"].shape == (1, 1, 10, 24)
    assert np.any(weights["block_0_in/kernel"][..., 16:])  # new channels hear the old ones
    with pytest.raises(FqssError, match="model.bottleneck is 10 there and 8"):
        train(RECIPE, tmp_path / "narrower", initial=run.folder)


def test_a_network_of_the_rest_begins_with_one_of_half_the_difference(tmp_path):
    sums = (*SETTINGS, "float.steps=0", "qat.steps=0", "model.sum_to_mixture=true",
            "model.mask_activation=linear")
    rest = (*sums, "model.first_is_rest=true")
    narrow = train(load_recipe("two-voices", sums), tmp_path / "difference")
    wider = load_recipe("two-voices", (*rest, "model.hidden=24"))
    run = train(wider, tmp_path / "rest", initial=narrow.folder)
    before, after = weights_of(narrow.float_model()), weights_of(run.float_model())
    np.testing.assert_array_equal(after["mask_0/kernel"], -before["mask_0/kernel"])
    assert after["block_0_in/kernel"].shape[-1] == 24
    with pytest.raises(FqssError, match="model.first_is_rest is True there and False"):
        back = load_recipe("two-voices", (*sums, "model.hidden=24"))
        train(back, tmp_path / "back", initial=run.folder)


def test_only_linear_masks_become_those_of_the_rest(tmp_path):
    sums = (*SETTINGS, "float.steps=0", "qat.steps=0", "model.sum_to_mixture=true")
    narrow = train(load_recipe("two-voices", sums), tmp_path / "difference")
    with pytest.raises(FqssError, match="only a network of linear masks can begin"):
        train(
            load_recipe("two-voices", (*sums, "model.first_is_rest=true")), tmp_path / "rest",
            initial=narrow.folder,
        )


def test_a_global_norm_does_not_widen(finished, tmp_path):
    settings = (*SETTINGS, "model.norm=global", "float.steps=0", "qat.steps=0")
    narrow = train(load_recipe("two-voices", settings), tmp_path / "narrow")
    wider = load_recipe("two-voices", (*settings, "model.hidden=24"))
    with pytest.raises(FqssError, match="model.hidden is 16 there and 24"):
        train(wider, tmp_path / "wider", initial=narrow.folder)


def test_a_teacher_needs_no_initial_weights(finished, tmp_path):
    with pytest.raises(FqssError, match="no initial weights"):
        train(RECIPE, tmp_path / "run", teacher=finished.folder, initial=finished.folder)
