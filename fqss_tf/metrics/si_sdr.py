"""Scale-invariant signal-to-distortion ratio of separated sources."""

import itertools
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

EPSILON = 1e-8


def si_sdr(estimate: ArrayLike, target: ArrayLike) -> Any:
    """Returns the SI-SDR of signals less their means, in dB, computed in float64.

    Args:
        estimate: [..., samples].
        target: [..., samples]; leading axes broadcast against those of ``estimate``.

    Returns:
        float64 of the broadcast leading shape, a scalar where that has no axes; about -80 dB
        where either signal is silent.
    """
    estimate, target = _zero_mean(estimate), _zero_mean(target)
    dot = np.sum(estimate * target, axis=-1, keepdims=True)
    energy = np.sum(target**2, axis=-1, keepdims=True)
    projection = dot * target / (energy + EPSILON)
    distortion = np.sum((estimate - projection) ** 2, axis=-1)
    return 10 * np.log10(np.sum(projection**2, axis=-1) / (distortion + EPSILON) + EPSILON)


def pit_si_sdr(
    estimates: ArrayLike, targets: ArrayLike
) -> tuple[NDArray[np.float64], tuple[int, ...]]:
    """Returns the SI-SDR under the permutation of the estimates with the best mean.

    Args:
        estimates: [sources, samples].
        targets: [sources, samples].

    Returns:
        (SI-SDR in dB per target, float64 [sources];
        permutation, a tuple: ``estimates[permutation[i]]`` belongs to ``targets[i]``).
    """
    pairwise: NDArray[np.float64] = si_sdr(
        np.asarray(estimates)[:, np.newaxis], np.asarray(targets)[np.newaxis]
    )
    order = np.arange(len(pairwise))
    permutation = max(
        itertools.permutations(range(len(pairwise))),
        key=lambda candidate: pairwise[list(candidate), order].mean(),
    )
    return pairwise[list(permutation), order], permutation


def assigned_si_sdr(
    estimates: ArrayLike, targets: ArrayLike, in_order: bool
) -> tuple[NDArray[np.float64], tuple[int, ...]]:
    """Returns the SI-SDR of each target by the estimate of its place, or as ``pit_si_sdr``.

    Args:
        estimates: [sources, samples].
        targets: [sources, samples].
        in_order: whether each estimate belongs to the target of its place, as where sources have
            names.

    Returns:
        As ``pit_si_sdr``.
    """
    if not in_order:
        return pit_si_sdr(estimates, targets)
    scores: NDArray[np.float64] = si_sdr(estimates, targets)
    return scores, tuple(range(len(scores)))


def _zero_mean(signal: ArrayLike) -> NDArray[np.float64]:
    values = np.asarray(signal, np.float64)
    return values - values.mean(axis=-1, keepdims=True)
