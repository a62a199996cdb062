from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from fqss_tf.config import DataRecipe, Recipe
from fqss_tf.training import losses

FIXTURES = np.load(Path(__file__).parents[1] / "fixtures" / "metrics.npz")


def relative_error(actual, expected):
    return np.linalg.norm(actual - expected) / np.linalg.norm(expected)


def value_and_gradient(loss, estimates):
    estimates = tf.constant(estimates)
    with tf.GradientTape() as tape:
        tape.watch(estimates)
        value = loss(estimates)
    return value.numpy(), tape.gradient(value, estimates).numpy()


@pytest.mark.parametrize("case", ["asteroid/s2", "asteroid/s3"])
def test_pairwise_matrix_equals_asteroid(case):
    actual = losses.pairwise_si_sdr(FIXTURES[f"{case}/est"], FIXTURES[f"{case}/targets"])
    expected = FIXTURES[f"{case}/pairwise_neg_sisdr"]
    np.testing.assert_allclose(-10 * np.log10(actual + losses.EPSILON), expected, rtol=1e-5)


@pytest.mark.parametrize("case", ["asteroid/s2", "asteroid/s3"])
def test_pit_loss_and_gradient_equal_asteroid(case):
    value, gradient = value_and_gradient(
        lambda estimates: losses.negative_sdr(estimates, FIXTURES[f"{case}/targets"]),
        FIXTURES[f"{case}/est"],
    )
    assert value == pytest.approx(FIXTURES[f"{case}/pit_neg_sisdr"], rel=1e-5)
    assert relative_error(gradient, FIXTURES[f"{case}/pit_grad_est"]) <= 1e-5


@pytest.mark.parametrize("sources", ["s2", "s3"])
@pytest.mark.parametrize("weight", [0.1, 0.5])
def test_distillation_loss_and_gradient_equal_the_authors(sources, weight):
    case = f"fqss_kd/{sources}"
    value, gradient = value_and_gradient(
        lambda estimates: losses.fqss_distillation_loss(
            estimates, FIXTURES[f"{case}/targets"], FIXTURES[f"{case}/est_float"], weight
        ),
        FIXTURES[f"{case}/est_quant"],
    )
    assert value == pytest.approx(FIXTURES[f"{case}/lambda{weight}/loss"], rel=1e-5)
    expected_gradient = FIXTURES[f"{case}/lambda{weight}/grad_est_quant"]
    assert relative_error(gradient, expected_gradient) <= 1e-5


def test_music_weighting_inverts_the_speech_weight():
    case = "fqss_kd/s2"
    estimates, targets, teacher = (
        FIXTURES[f"{case}/{name}"] for name in ("est_quant", "targets", "est_float")
    )
    against_teacher = losses.best_permutation_mean(losses.pairwise_si_sdr(estimates, teacher))
    speech_weight = FIXTURES[f"{case}/w"]
    for weighting, weight in (("speech", speech_weight), ("music", 1 / speech_weight)):
        expected = -10 * np.log10(np.mean(weight * against_teacher))
        actual = losses.fqss_distillation_loss(
            estimates, targets, teacher, distillation_weight=1.0, weighting=weighting
        )
        assert actual.numpy() == pytest.approx(expected, rel=1e-5)


def test_the_best_permutation_is_found_for_each_item():
    rng = np.random.default_rng(0)
    targets = rng.standard_normal([2, 3, 400]).astype(np.float32)
    estimates = np.stack([targets[0][[2, 0, 1]], targets[1][[1, 0, 2]]])
    estimates = estimates + 0.01 * rng.standard_normal(estimates.shape).astype(np.float32)
    assert losses.negative_sdr(estimates, targets).numpy() == pytest.approx(-40, abs=1)


def test_sources_with_names_are_not_put_in_another_order():
    rng = np.random.default_rng(1)
    targets = rng.standard_normal([2, 2, 400]).astype(np.float32)
    noise = 0.01 * rng.standard_normal(targets.shape).astype(np.float32)
    named = losses.Score(in_order=True)
    assert losses.negative_sdr(targets + noise, targets, named).numpy() == pytest.approx(-40, abs=1)
    swapped = targets[:, ::-1] + noise
    assert losses.negative_sdr(swapped, targets, named).numpy() > 10
    recipe = Recipe(data=DataRecipe(sources=("voice", "background")))
    assert losses.task_loss(recipe)(None, swapped, targets).numpy() > 10
    distilled = losses.fqss_distillation_loss(swapped, targets, swapped, 0.0, score=named)
    assert distilled.numpy() > 10


def test_a_wrong_level_is_a_distortion_for_the_sdr():
    targets = np.random.default_rng(2).standard_normal([2, 2, 400]).astype(np.float32)
    halved = losses.task_loss(Recipe(loss="sdr"))(None, 0.5 * targets, targets)
    assert halved.numpy() == pytest.approx(-20 * np.log10(2), abs=1e-3)
    assert losses.task_loss(Recipe())(None, 0.5 * targets, targets).numpy() < -60


def test_silent_targets_give_a_finite_loss_and_gradient():
    estimates = np.random.default_rng(0).standard_normal([1, 2, 100]).astype(np.float32)
    silent = np.zeros_like(estimates)
    value, gradient = value_and_gradient(
        lambda e: losses.fqss_distillation_loss(e, silent, silent), estimates
    )
    assert np.isfinite(value) and np.isfinite(gradient).all()


def test_decibel_average_without_teacher_is_the_task_loss():
    rng = np.random.default_rng(5)
    estimates, targets = (tf.constant(rng.normal(size=(4, 2, 50)), tf.float32) for _ in range(2))
    value = losses.fqss_distillation_loss(estimates, targets, estimates, 0.0, average="decibel")
    expected = losses.negative_sdr(estimates, targets)
    assert float(value) == pytest.approx(float(expected), abs=1e-4)


def test_decibel_average_lets_a_bad_sample_count():
    rng = np.random.default_rng(6)
    targets = tf.constant(rng.normal(size=(2, 2, 50)), tf.float32)
    noise = tf.constant(rng.normal(size=(2, 2, 50)), tf.float32)
    worse, better = (targets + noise * tf.reshape([0.01, bad], (2, 1, 1)) for bad in (1.0, 0.3))
    gain = {
        average: float(
            losses.fqss_distillation_loss(worse, targets, targets, 0.0, average=average)
            - losses.fqss_distillation_loss(better, targets, targets, 0.0, average=average)
        )
        for average in ("linear", "decibel")
    }
    assert gain["linear"] < 0.01 < 1 < gain["decibel"]


def test_l1_is_of_the_best_order_or_of_the_given_one():
    targets = np.random.default_rng(0).normal(size=(2, 2, 50)).astype(np.float32)
    estimates = targets[:, ::-1] + 0.25
    assert losses.l1_loss(estimates, targets).numpy() == pytest.approx(0.25, rel=1e-5)
    named = losses.l1_loss(estimates, targets, losses.Score(in_order=True)).numpy()
    assert named == pytest.approx(np.abs(estimates - targets).mean(), rel=1e-5)


@pytest.mark.parametrize("weighting", ["speech", "music"])
def test_l1_distillation_weighs_each_sample_by_how_far_it_is_behind(weighting):
    score = losses.Score(in_order=True, scale_invariant=False)
    targets = np.random.default_rng(0).normal(size=(2, 2, 400)).astype(np.float32)
    targets -= targets.mean(axis=-1, keepdims=True)
    sign = np.where(np.arange(400) % 2, 1, -1).astype(np.float32)
    errors = np.array([0.1, 0.4], np.float32)[:, None, None] * sign
    teacher_errors = np.array([0.1, 0.1], np.float32)[:, None, None] * sign
    value, gradient = value_and_gradient(
        lambda estimates: losses.l1_distillation_loss(
            estimates, targets, targets + teacher_errors, 0.5, weighting, score
        ),
        targets + errors,
    )
    # Four times the error is a sixteenth of the linear SDR.
    behind = 1 / 16 if weighting == "speech" else 16
    expected = 0.5 * (0.1 + 0.4) / 2 + 0.5 * (1 * 0.0 + behind * 0.3) / 2
    assert value == pytest.approx(expected, rel=1e-3)
    assert np.isfinite(gradient).all()


def test_a_recipe_may_ask_for_l1():
    recipe = Recipe(loss="l1", data=DataRecipe(sources=("voice", "background")))
    targets = np.random.default_rng(0).normal(size=(1, 2, 50)).astype(np.float32)
    estimates = targets + 0.5
    assert losses.task_loss(recipe)(None, estimates, targets).numpy() == pytest.approx(0.5)
    distilled = losses.distillation_loss(recipe)(None, estimates, targets, estimates)
    assert distilled.numpy() == pytest.approx(0.9 * 0.5, rel=1e-5)
