import csv
import dataclasses
import math

import numpy as np
import pytest
import tensorflow as tf
import tf_keras as keras

from fqss_tf.config import StageRecipe
from fqss_tf.errors import FqssError
from fqss_tf.training.loop import StageLoop

STEPS = 16


def spoiled_from_the_start(folder, **settings):
    """Trains a perfect separator of (x, 0) on a loss that only makes it worse; returns the log."""
    mixture = keras.Input((1, None, 1))
    split = keras.layers.Conv2D(
        2, 1, use_bias=False, kernel_initializer=keras.initializers.Constant([[[[1.0, 0.1]]]])
    )(mixture)
    model = keras.Model(mixture, keras.layers.Permute((3, 2, 1))(split))
    wave = np.sin(np.arange(64) / 3).astype(np.float32)
    noise = np.random.default_rng(0).standard_normal(64).astype(np.float32)
    batch = (tf.constant([wave + noise]), tf.constant([[wave, noise]]))
    dev = [(wave, np.stack([wave, wave]))]
    stage = StageRecipe(
        steps=STEPS, batch_size=1, learning_rate=1e-2, evaluate_every=1, patience=1, **settings
    )
    StageLoop(
        model, lambda mixture, estimates, sources: tf.reduce_mean(estimates**2), dev, stage,
        folder, name="float",
    ).run(lambda first: tf.data.Dataset.from_tensors(batch).repeat())
    return list(csv.DictReader((folder / "log.csv").open()))[1:]


def test_the_cosine_schedule_ignores_plateaus(tmp_path):
    rates = [float(row["learning_rate"]) for row in
             spoiled_from_the_start(tmp_path, schedule="cosine")]
    expected = [1e-2 * 0.5 * (1 + math.cos(math.pi * step / STEPS)) for step in range(STEPS)]
    np.testing.assert_allclose(rates, expected, rtol=1e-4)


def test_the_plateau_schedule_halves_the_rate(tmp_path):
    rates = [float(row["learning_rate"]) for row in
             spoiled_from_the_start(tmp_path, schedule="plateau")]
    assert rates[0] == 1e-2
    assert set(np.round(np.divide(rates[:-1], rates[1:]))) == {1, 2}


def test_the_constant_schedule_is_constant(tmp_path):
    rows = spoiled_from_the_start(tmp_path, schedule="constant")
    assert {float(row["learning_rate"]) for row in rows} == {1e-2}


def test_the_step_schedule_decays_in_steps(tmp_path):
    rows = spoiled_from_the_start(tmp_path, schedule="step", decay_every=3, decay_factor=0.5)
    expected = [1e-2 * 0.5 ** (step // 3) for step in range(STEPS)]
    np.testing.assert_allclose([float(row["learning_rate"]) for row in rows], expected, rtol=1e-4)


def test_an_unknown_schedule_is_named(tmp_path):
    with pytest.raises(FqssError, match="'linear' is unknown"):
        spoiled_from_the_start(tmp_path, schedule="linear")


def test_early_stop_ends_a_stage_that_no_longer_gains(tmp_path, logged):
    rows = spoiled_from_the_start(tmp_path, schedule="constant", early_stop=3)
    assert [row["step"] for row in rows] == ["1", "2", "3"]
    lines = logged()
    assert lines[0].startswith("float: step 0 of ") and lines[0].endswith("dB, best so far")
    steps = [line.split(",")[0] for line in lines[1:4]]
    assert steps == [f"float: step {k} of 16" for k in (1, 2, 3)]
    assert "stopped at step 3, because 3 evaluations were no better" in lines[4]


def poisoned(micro, numbers):
    return lambda first: micro.batches(first, numbers)


def test_a_batch_with_nan_changes_nothing_and_is_counted(micro, logged):
    stage = StageRecipe(steps=1, evaluate_every=1, learning_rate=0.1)
    model = micro.model(batch_norm=True)
    before = [variable.numpy() for variable in model.variables]
    micro.fit(model, stage, batches=poisoned(micro, (0,)))
    for variable, value in zip(model.variables, before, strict=True):
        np.testing.assert_array_equal(variable.numpy(), value)
    with np.load(micro.folder / "checkpoints/float.npz") as arrays:
        np.testing.assert_array_equal(arrays["model/norm/moving_mean"], [0.0])
    last = micro.log()[-1]
    assert (last["loss"], last["skipped"]) == ("", "1")
    assert "skipped 1 of 1 steps, because the loss was not finite" in logged()[2]


def test_training_goes_on_after_a_batch_with_nan(micro):
    stage = StageRecipe(steps=4, evaluate_every=2, learning_rate=0.1, skip_limit=2)
    best = micro.fit(micro.model(batch_norm=True), stage, batches=poisoned(micro, (1, 3)))
    assert [row["skipped"] for row in micro.log()] == ["0", "1", "2"]
    assert np.isfinite(best) and all(np.isfinite(float(row["loss"])) for row in micro.log()[1:])


def test_too_many_skipped_steps_in_a_row_end_the_training(micro):
    stage = StageRecipe(steps=9, learning_rate=0.1, skip_limit=3)
    with pytest.raises(FqssError, match="skipped 3 steps in a row.* lower float.learning_rate"):
        micro.fit(micro.model(), stage, batches=poisoned(micro, range(2, 9)))


def test_a_step_with_too_large_a_gradient_is_skipped(micro, logged):
    stage = StageRecipe(steps=2, evaluate_every=1, learning_rate=0.1, skip_above_norm=1e-6)
    model = micro.model()
    micro.fit(model, stage)
    np.testing.assert_allclose(np.ravel(model.get_weights()[0]), [1.0, 0.1])
    assert "not finite or its gradient above 1e-06" in logged()[3]


def test_accumulated_batches_are_one_large_batch(micro_in, tmp_path):
    stage = StageRecipe(steps=3, evaluate_every=3, learning_rate=0.1)
    small, large = micro_in(tmp_path / "small"), micro_in(tmp_path / "large")
    small.fit(small.model(), dataclasses.replace(stage, accumulate=2))

    def of_twice_the_size(first):
        return large.batches(2 * first).unbatch().batch(4)

    large.fit(large.model(), stage, batches=of_twice_the_size)
    expected = large.files()
    for name, value in small.files().items():
        np.testing.assert_allclose(value, expected[name], rtol=1e-5, atol=1e-6, err_msg=name)


def test_the_averaged_weights_are_scored_and_kept(micro):
    rate, decay = 0.1, 0.75
    stage = StageRecipe(
        steps=2, evaluate_every=2, learning_rate=rate, schedule="constant", ema_decay=decay
    )
    model = micro.model()
    micro.fit(model, stage)
    with np.load(micro.folder / "checkpoints/float.npz") as arrays:
        trained = np.ravel(arrays["model/split/kernel"])
        kept = np.ravel(arrays["best/split/kernel"])
    # Adam's first steps are one rate each while the sign of the gradient stays.
    start = np.array([1.0, 0.1])
    moved = trained - start
    average = start + (1 - decay) * (decay * moved / 2 + moved)
    np.testing.assert_allclose(np.abs(moved), 2 * rate, rtol=0.02)
    np.testing.assert_allclose(kept, average, atol=0.02 * rate)
    np.testing.assert_array_equal(np.ravel(model.get_weights()[0]), kept)


def test_the_last_steps_leave_the_statistics_of_batch_norms(micro):
    def statistics_after(steps, share):
        stage = StageRecipe(
            steps=steps, evaluate_every=1, learning_rate=0.1, frozen_statistics_share=share
        )
        model = micro.model(batch_norm=True)
        gain = model.get_layer("norm").gamma.numpy()
        micro.fit(model, stage)
        with np.load(micro.folder / "checkpoints/float.npz") as arrays:
            assert arrays["model/norm/gamma"] != gain
            return arrays["model/norm/moving_variance"]

    assert statistics_after(2, 1.0) == 1.0  # as it began
    first, half = statistics_after(2, 0.0), statistics_after(4, 0.5)
    np.testing.assert_array_equal(half, first)
    assert first != 1.0 != statistics_after(4, 0.0) != first


@pytest.mark.parametrize("key, value", [
    ("ema_decay", 1.0), ("accumulate", 0), ("skip_limit", 0), ("frozen_statistics_share", 1.5),
])
def test_a_setting_out_of_bounds_is_named(key, value):
    with pytest.raises(FqssError, match=f"{key} .*is {value}"):
        StageRecipe(**{key: value})
