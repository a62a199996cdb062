"""Losses by SDR or L1: of the sources themselves, and FQSS's distillation from a float teacher."""

import itertools
import math
from collections.abc import Callable
from dataclasses import dataclass

import tensorflow as tf

from fqss_tf.config import Recipe
from fqss_tf.models.registry import network_of
from fqss_tf.types import KerasModel, Tensor

EPSILON = 1e-8
# Sign of SDR_quantized - SDR_teacher in the weight of a sample. 'speech' trusts the teacher most
# where the quantized model is already good, 'music' where it is behind.
WEIGHTING_SIGNS = {"speech": 1.0, "music": -1.0}


def pairwise_si_sdr(
    estimates: Tensor, targets: Tensor, scale_invariant: bool = True
) -> Tensor:
    """Returns the linear (not dB) SI-SDR of every estimate against every target, zero mean.

    Args:
        estimates: float32 [B, S, T].
        targets: float32 [B, S, T].
        scale_invariant: False makes it the SDR, for which a wrong level is a distortion.

    Returns:
        float32 [B, S, S]; rows are estimates, columns targets.
    """
    estimates = _zero_mean(estimates)[:, :, tf.newaxis]
    targets = _zero_mean(targets)[:, tf.newaxis]
    if scale_invariant:
        dot = tf.reduce_sum(estimates * targets, axis=-1, keepdims=True)
        energy = tf.reduce_sum(tf.square(targets), axis=-1, keepdims=True) + EPSILON
        projection = dot * targets / energy
    else:
        projection = targets
    distortion = tf.reduce_sum(tf.square(estimates - projection), axis=-1) + EPSILON
    return tf.reduce_sum(tf.square(projection), axis=-1) / distortion


def best_permutation_mean(pairwise: Tensor) -> Tensor:
    """Returns the mean score under the best assignment of estimates to targets.

    Args:
        pairwise: float32 [B, S, S] scores, higher is better; S is static.

    Returns:
        float32 [B].
    """
    permutations = _permutation_matrices(pairwise.shape[-1])
    return tf.reduce_max(tf.einsum("bet,pet->bp", pairwise, permutations), axis=-1)


def in_order_mean(pairwise: Tensor) -> Tensor:
    """Returns the mean score of each estimate against the target of its own place.

    Args:
        pairwise: as for ``best_permutation_mean``.

    Returns:
        float32 [B].
    """
    return tf.reduce_mean(tf.linalg.diag_part(pairwise), axis=-1)


@dataclass(frozen=True)
class Score:
    """What training maximises; the defaults are those of voices without names.

    ``in_order``: each estimate belongs to the target of its place, as where sources have names;
    else to whichever suits all of them best. ``scale_invariant``: as of ``pairwise_si_sdr``.
    """

    in_order: bool = False
    scale_invariant: bool = True

    @classmethod
    def of_recipe(cls, recipe: Recipe) -> "Score":
        """Takes that of a recipe."""
        return cls(recipe.has_named_sources, recipe.loss == "si_sdr")

    def pairwise(self, estimates: Tensor, targets: Tensor) -> Tensor:
        """Returns linear scores, see ``pairwise_si_sdr``."""
        return pairwise_si_sdr(estimates, targets, self.scale_invariant)

    def mean(self, pairwise: Tensor) -> Tensor:
        """Returns the mean over the sources: float32 [B, S, S] -> [B]."""
        return in_order_mean(pairwise) if self.in_order else best_permutation_mean(pairwise)


def negative_sdr(estimates: Tensor, targets: Tensor, score: Score = Score()) -> Tensor:
    """Returns minus the score in dB, mean over sources and batch.

    Args:
        estimates: float32 [B, S, T].
        targets: float32 [B, S, T].
        score: a ``Score``; the SI-SDR under the best permutation if not given.

    Returns:
        float32 scalar.
    """
    return -tf.reduce_mean(score.mean(_decibel(score.pairwise(estimates, targets))))


def fqss_distillation_loss(
    estimates: Tensor,
    targets: Tensor,
    teacher_estimates: Tensor,
    distillation_weight: float = 0.1,
    weighting: str = "speech",
    average: str = "linear",
    score: Score = Score(),
) -> Tensor:
    """``-10 log10((1 - d) SDR(estimates, targets) + d mean(w SDR(estimates, teacher)))``.

    SDR is linear, see ``score``; averaging it before the logarithm makes
    the samples count that quantization hurts most. The weight of a sample is
    ``w = 10^((SDR_quantized - SDR_teacher) / 10)`` from the dB SDRs against the targets
    ('speech'), or its inverse ('music'). Neither ``w`` nor the teacher receives a gradient.

    Args:
        estimates: float32 [B, S, T] of the quantized model.
        targets: float32 [B, S, T].
        teacher_estimates: float32 [B, S, T] of the frozen float model.
        distillation_weight: d, between 0 and 1.
        weighting: 'speech' or 'music'.
        average: 'linear' as above, as published; 'decibel' takes the logarithm of each sample
            before the average instead, so that samples far from perfect count as much.
        score: a ``Score``; as published, the SI-SDR under the best permutation, if not given.

    Returns:
        float32 scalar.
    """
    teacher_estimates = tf.stop_gradient(teacher_estimates)
    weight = _distillation_weights(estimates, targets, teacher_estimates, weighting, score)
    against_targets = score.pairwise(estimates, targets)
    against_teacher = score.pairwise(estimates, teacher_estimates)
    if average == "decibel":
        against_targets, against_teacher = _decibel(against_targets), _decibel(against_teacher)
    # The logarithm is of the whole batch: over all replicas before, not after.
    task, distillation = replica_mean([
        tf.reduce_mean(score.mean(against_targets)),
        tf.reduce_mean(weight * score.mean(against_teacher)),
    ])
    quality = (1.0 - distillation_weight) * task + distillation_weight * distillation
    return -quality if average == "decibel" else -_decibel(quality)


def l1_loss(estimates: Tensor, targets: Tensor, score: Score = Score()) -> Tensor:
    """Returns the mean absolute difference, of which HTDemucs learns.

    Args:
        estimates: float32 [B, S, T].
        targets: float32 [B, S, T].
        score: a ``Score``, which tells in what order estimates are compared.

    Returns:
        float32 scalar.
    """
    return tf.reduce_mean(_l1(estimates, targets, score))


def l1_distillation_loss(
    estimates: Tensor,
    targets: Tensor,
    teacher_estimates: Tensor,
    distillation_weight: float = 0.1,
    weighting: str = "speech",
    score: Score = Score(),
) -> Tensor:
    """``(1 - d) L1(estimates, targets) + d mean(w L1(estimates, teacher))``, as for music.

    Args:
        estimates: float32 [B, S, T] of the quantized model.
        targets: float32 [B, S, T].
        teacher_estimates: float32 [B, S, T] of the frozen float model, which gets no gradient.
        distillation_weight: d, between 0 and 1.
        weighting: of a sample, w, as of ``fqss_distillation_loss``.
        score: a ``Score``, of which w is made.

    Returns:
        float32 scalar.
    """
    teacher_estimates = tf.stop_gradient(teacher_estimates)
    weight = _distillation_weights(estimates, targets, teacher_estimates, weighting, score)
    task, distillation = replica_mean([
        tf.reduce_mean(_l1(estimates, targets, score)),
        tf.reduce_mean(weight * _l1(estimates, teacher_estimates, score)),
    ])
    return (1.0 - distillation_weight) * task + distillation_weight * distillation


def task_loss(recipe: Recipe) -> Callable[..., Tensor]:
    """The loss of a recipe, against the true sources, as the training step calls a loss.

    Returns:
        Function (mixture [B, T], estimates [B, S, T], sources [B, S, T], ..) -> scalar.
    """
    score = Score.of_recipe(recipe)
    task = l1_loss if recipe.loss == "l1" else negative_sdr

    def loss(mixture: Tensor, estimates: Tensor, sources: Tensor, *_: Tensor) -> Tensor:
        return task(estimates, sources, score)

    return loss


def distillation_loss(
    recipe: Recipe, teacher: KerasModel | None = None
) -> Callable[..., Tensor]:
    """The loss of a recipe with a teacher, as the training step calls a loss.

    Args:
        recipe: a Recipe.
        teacher: Keras model of the recipe's network, which computes its estimates in each step;
            None where the batches hold them.

    Returns:
        Function (mixture [B, T], estimates [B, S, T], sources [B, S, T], the teacher's estimates
        [B, S, T] if ``teacher`` is None) -> scalar.
    """
    settings, score = recipe.quantization, Score.of_recipe(recipe)

    def loss(
        mixture: Tensor, estimates: Tensor, sources: Tensor, guide: Tensor | None = None
    ) -> Tensor:
        if guide is None and teacher is not None:
            guide = network_of(recipe.model).estimates(teacher, mixture, recipe.model)
        weight, direction = settings.distillation_weight, settings.distillation_direction
        if recipe.loss == "l1":
            return l1_distillation_loss(estimates, sources, guide, weight, direction, score)
        return fqss_distillation_loss(
            estimates, sources, guide, weight, direction, settings.distillation_average, score
        )

    return loss


def replica_mean(values: Tensor) -> Tensor:
    """Takes the mean over the replicas of a tf.distribute strategy; gradients pass through it.

    Args:
        values: a tensor, or a nested structure of tensors.
    """
    return tf.distribute.get_replica_context().all_reduce(tf.distribute.ReduceOp.MEAN, values)


def _distillation_weights(
    estimates: Tensor, targets: Tensor, teacher_estimates: Tensor, weighting: str, score: Score
) -> Tensor:
    """float32 [B], without a gradient."""
    quantized_db, teacher_db = (
        score.mean(_decibel(score.pairwise(each, targets)))
        for each in (estimates, teacher_estimates)
    )
    return tf.stop_gradient(
        10.0 ** (WEIGHTING_SIGNS[weighting] * (quantized_db - teacher_db) / 10.0)
    )


def _l1(estimates: Tensor, targets: Tensor, score: Score) -> Tensor:
    """Mean absolute difference of each sample, float32 [B]."""
    pairs = tf.abs(estimates[:, :, tf.newaxis] - targets[:, tf.newaxis])
    return -score.mean(-tf.reduce_mean(pairs, axis=-1))


def _zero_mean(signal: Tensor) -> Tensor:
    return signal - tf.reduce_mean(signal, axis=-1, keepdims=True)


def _decibel(ratio: Tensor) -> Tensor:
    return tf.math.log(ratio + EPSILON) * (10.0 / math.log(10.0))


def _permutation_matrices(sources: int) -> Tensor:
    """[S!, S, S]: 1/S where the estimate of the row is assigned to the target of the column."""
    matrices = [
        [[1.0 / sources if permutation[t] == e else 0.0 for t in range(sources)]
         for e in range(sources)]
        for permutation in itertools.permutations(range(sources))
    ]
    return tf.constant(matrices)
