"""Scale-invariant signal-to-distortion ratio of separated sources."""

import itertools

import numpy as np

EPSILON = 1e-8


def si_sdr(estimate, target):
    """SI-SDR in dB of zero-mean signals, computed in float64.

    Args:
        estimate: [..., samples].
        target: [..., samples]; leading axes broadcast against those of ``estimate``.

    Returns:
        float64 of the broadcast leading shape; about -80 dB where either signal is silent.
    """
    estimate = _zero_mean(estimate)
    target = _zero_mean(target)
    dot = np.sum(estimate * target, axis=-1, keepdims=True)
    energy = np.sum(target**2, axis=-1, keepdims=True)
    projection = dot * target / (energy + EPSILON)
    distortion = np.sum((estimate - projection) ** 2, axis=-1)
    return 10 * np.log10(np.sum(projection**2, axis=-1) / (distortion + EPSILON) + EPSILON)


def pit_si_sdr(estimates, targets):
    """SI-SDR under the permutation of the estimates with the best mean.

    Args:
        estimates: [sources, samples].
        targets: [sources, samples].

    Returns:
        (SI-SDR in dB per target, float64 [sources];
        permutation, a tuple: ``estimates[permutation[i]]`` belongs to ``targets[i]``).
    """
    pairwise = si_sdr(np.asarray(estimates)[:, np.newaxis], np.asarray(targets)[np.newaxis])
    order = np.arange(len(pairwise))
    permutation = max(
        itertools.permutations(range(len(pairwise))),
        key=lambda candidate: pairwise[list(candidate), order].mean(),
    )
    return pairwise[list(permutation), order], permutation


def _zero_mean(signal):
    signal = np.asarray(signal, np.float64)
    return signal - signal.mean(axis=-1, keepdims=True)
