"""SI-SDR losses for speech: permutation-invariant, and FQSS's distillation from a float teacher."""

import itertools
import math
from collections.abc import Callable

import tensorflow as tf

from fqss_tf.config import QuantizationRecipe
from fqss_tf.types import KerasModel, Tensor

EPSILON = 1e-8
# Sign of SDR_quantized - SDR_teacher in the weight of a sample. 'speech' trusts the teacher most
# where the quantized model is already good, 'music' where it is behind.
WEIGHTING_SIGNS = {"speech": 1.0, "music": -1.0}


def pairwise_si_sdr(estimates: Tensor, targets: Tensor) -> Tensor:
    """Returns the linear (not dB) SI-SDR of every estimate against every target, zero mean.

    Args:
        estimates: float32 [B, S, T].
        targets: float32 [B, S, T].

    Returns:
        float32 [B, S, S]; rows are estimates, columns targets.
    """
    estimates = _zero_mean(estimates)[:, :, tf.newaxis]
    targets = _zero_mean(targets)[:, tf.newaxis]
    dot = tf.reduce_sum(estimates * targets, axis=-1, keepdims=True)
    energy = tf.reduce_sum(tf.square(targets), axis=-1, keepdims=True) + EPSILON
    projection = dot * targets / energy
    distortion = tf.reduce_sum(tf.square(estimates - projection), axis=-1) + EPSILON
    return tf.reduce_sum(tf.square(projection), axis=-1) / distortion


def pairwise_si_sdr_db(estimates: Tensor, targets: Tensor) -> Tensor:
    """Returns what ``pairwise_si_sdr`` does, in dB."""
    return _decibel(pairwise_si_sdr(estimates, targets))


def best_permutation_mean(pairwise: Tensor) -> Tensor:
    """Returns the mean score under the best assignment of estimates to targets.

    Args:
        pairwise: float32 [B, S, S] scores, higher is better; S is static.

    Returns:
        float32 [B].
    """
    permutations = _permutation_matrices(pairwise.shape[-1])
    return tf.reduce_max(tf.einsum("bet,pet->bp", pairwise, permutations), axis=-1)


def negative_si_sdr_pit(estimates: Tensor, targets: Tensor) -> Tensor:
    """Returns minus the SI-SDR in dB under the best permutation, mean over sources and batch.

    Args:
        estimates: float32 [B, S, T].
        targets: float32 [B, S, T].

    Returns:
        float32 scalar.
    """
    return -tf.reduce_mean(best_permutation_mean(pairwise_si_sdr_db(estimates, targets)))


def fqss_distillation_loss(
    estimates: Tensor,
    targets: Tensor,
    teacher_estimates: Tensor,
    distillation_weight: float = 0.1,
    weighting: str = "speech",
    average: str = "linear",
) -> Tensor:
    """``-10 log10((1 - d) SDR(estimates, targets) + d mean(w SDR(estimates, teacher)))``.

    SDR is the linear SI-SDR under the best permutation; averaging it before the logarithm makes
    the samples count that quantization hurts most. The weight of a sample is
    ``w = 10^((SDR_quantized - SDR_teacher) / 10)`` from the dB SI-SDRs against the targets
    ('speech'), or its inverse ('music'). Neither ``w`` nor the teacher receives a gradient.

    Args:
        estimates: float32 [B, S, T] of the quantized model.
        targets: float32 [B, S, T].
        teacher_estimates: float32 [B, S, T] of the frozen float model.
        distillation_weight: d, between 0 and 1.
        weighting: 'speech' or 'music'.
        average: 'linear' as above, as published; 'decibel' takes the logarithm of each sample
            before the average instead, so that samples far from perfect count as much.

    Returns:
        float32 scalar.
    """
    teacher_estimates = tf.stop_gradient(teacher_estimates)
    against_targets = pairwise_si_sdr(estimates, targets)
    quantized_db = best_permutation_mean(_decibel(against_targets))
    teacher_db = best_permutation_mean(pairwise_si_sdr_db(teacher_estimates, targets))
    weight = tf.stop_gradient(
        10.0 ** (WEIGHTING_SIGNS[weighting] * (quantized_db - teacher_db) / 10.0)
    )
    against_teacher = pairwise_si_sdr(estimates, teacher_estimates)
    if average == "decibel":
        against_targets, against_teacher = _decibel(against_targets), _decibel(against_teacher)
    # The logarithm is of the whole batch: over all replicas before, not after.
    task, distillation = replica_mean([
        tf.reduce_mean(best_permutation_mean(against_targets)),
        tf.reduce_mean(weight * best_permutation_mean(against_teacher)),
    ])
    quality = (1.0 - distillation_weight) * task + distillation_weight * distillation
    return -quality if average == "decibel" else -_decibel(quality)


def task_loss(mixture: Tensor, estimates: Tensor, sources: Tensor, *_: Tensor) -> Tensor:
    """``negative_si_sdr_pit`` as the training step calls a loss."""
    return negative_si_sdr_pit(estimates, sources)


def distillation_loss(
    settings: QuantizationRecipe, teacher: KerasModel | None = None
) -> Callable[..., Tensor]:
    """``fqss_distillation_loss`` as the training step calls a loss.

    Args:
        settings: a QuantizationRecipe.
        teacher: Keras model, mixture [B, 1, T, 1] -> estimates [B, S, T, 1], which computes its
            estimates in each step; None where the batches hold them.

    Returns:
        Function (mixture [B, T], estimates [B, S, T], sources [B, S, T], the teacher's estimates
        [B, S, T] if ``teacher`` is None) -> scalar.
    """
    def loss(
        mixture: Tensor, estimates: Tensor, sources: Tensor, guide: Tensor | None = None
    ) -> Tensor:
        if guide is None and teacher is not None:
            guide = teacher(mixture[:, None, :, None], training=False)[..., 0]
        return fqss_distillation_loss(
            estimates, sources, guide, settings.distillation_weight,
            settings.distillation_direction, settings.distillation_average,
        )

    return loss


def replica_mean(values: Tensor) -> Tensor:
    """Takes the mean over the replicas of a tf.distribute strategy; gradients pass through it.

    Args:
        values: a tensor, or a nested structure of tensors.
    """
    return tf.distribute.get_replica_context().all_reduce(tf.distribute.ReduceOp.MEAN, values)


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
