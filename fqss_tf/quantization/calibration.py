"""Ranges chosen from what was counted: by percentile or by least mean squared error."""

from typing import Any

import numpy as np

from fqss_tf.types import FloatArray, IntArray

# Share of the values that an 8-bit range by percentile contains. With each further bit the power of
# rounding falls to a quarter, and so must what is cut off.
PERCENTILE = 0.9999
# Candidates of a bound, as shares of the one before: from itself down to a sixty-fourth.
COARSE = 2.0 ** -np.arange(0, 6.25, 0.25)
FINE = 2.0 ** np.arange(-0.25, 0.2501, 1 / 32)
WEIGHT_SHARES = np.linspace(0.4, 1, 61)


def percentile_range(counts: IntArray, edges: FloatArray, bits: int = 8) -> tuple[float, float]:
    """The range that leaves out as many values at either end as ``PERCENTILE`` allows.

    Args:
        counts: int [bins], of values that are not 0.
        edges: float [bins + 1].
        bits: of the integers.

    Returns:
        (minimum, maximum), minimum <= 0 <= maximum.
    """
    if not len(counts):
        return 0.0, 0.0
    below = np.concatenate([[0], np.cumsum(counts)]) / np.sum(counts)
    tail = min((1 - PERCENTILE) / 2 * 4.0 ** (8 - bits), 0.5)
    low, high = np.interp([tail, 1 - tail], below, edges)
    return min(float(low), 0.0), max(float(high), 0.0)


def whole_range(counts: IntArray, edges: FloatArray, margin: float) -> tuple[float, float]:
    """The range of all values, and a share of it more where it does not end at 0.

    Args:
        counts: as of ``percentile_range``.
        edges: as of ``percentile_range``.
        margin: the share.

    Returns:
        (minimum, maximum), minimum <= 0 <= maximum.
    """
    if not len(counts):
        return 0.0, 0.0
    low, high = min(float(edges[0]), 0.0), max(float(edges[-1]), 0.0)
    return low * (1 + margin), high * (1 + margin)


def least_error_range(counts: IntArray, edges: FloatArray, bits: int) -> tuple[float, float]:
    """The range whose integers are nearest to the values in the mean square.

    A narrower range has finer steps and cuts off more. Both bounds shrink together first, then one
    at a time.

    Args:
        counts: int [bins], of values that are not 0.
        edges: float [bins + 1].
        bits: of the integers.

    Returns:
        (minimum, maximum), minimum <= 0 <= maximum.
    """
    low, high = min(float(edges[0]), 0.0), max(float(edges[-1]), 0.0)
    if not len(counts):
        return 0.0, 0.0

    def best(lows: FloatArray, highs: FloatArray) -> tuple[Any, Any]:
        errors = squared_errors(counts, edges, lows, highs, bits)
        chosen = np.argmin(errors)
        return lows[chosen], highs[chosen]

    shares, whole = COARSE, np.ones_like(COARSE)
    low, high = best(low * shares, high * shares)
    for shares in (np.concatenate([COARSE, 1 / COARSE[1:9]]), FINE, FINE):
        whole = np.ones_like(shares)
        low, high = best(low * whole, high * shares)
        low, high = best(low * shares, high * whole)
    return float(low), float(high)


def least_error_bound(counts: IntArray, edges: FloatArray, bits: int) -> float:
    """The bound b of the range [-b, b) with the least mean squared error; its middle is 0.

    Args:
        counts: as of ``least_error_range``.
        edges: as of ``least_error_range``.
        bits: of the integers.
    """
    if not len(counts):
        return 0.0
    bound = float(np.abs(edges).max())
    for shares in (COARSE, FINE):
        bounds = bound * shares
        errors = squared_errors(counts, edges, -bounds, bounds * (1 - 2.0 ** (1 - bits)), bits)
        bound = float(bounds[np.argmin(errors)])
    return bound


def squared_errors(
    counts: IntArray, edges: FloatArray, lows: FloatArray, highs: FloatArray, bits: int
) -> FloatArray:
    """Sums of squared errors of quantizing to each of several ranges.

    Within a bin the values are taken to be spread evenly, and the integral is exact: of
    ``(t - round(t))^2`` it is, from 0 to t, ``round(t) / 12 + (t - round(t))^3 / 3`` steps cubed,
    and that holds beyond the last step too, with the last step in place of ``round(t)``.

    Args:
        counts: as of ``least_error_range``.
        edges: as of ``least_error_range``.
        lows: float [candidates]; ranges are nudged as TensorFlow's FakeQuant does, so that 0 is a
            step.
        highs: float [candidates].
        bits: of the integers.

    Returns:
        float [candidates].
    """
    last = 2**bits - 1
    steps = np.maximum((highs - lows) / last, 1e-30)[:, None]
    zero = np.clip(np.round(-lows[:, None] / steps), 0, last)
    positions = edges / steps
    rounded = np.clip(np.round(positions), -zero, last - zero)
    integral = (rounded / 12 + (positions - rounded) ** 3 / 3) * steps**3
    return (np.diff(integral) @ counts) / (edges[1] - edges[0])


def least_error_maximum(weights: FloatArray, bits: int) -> FloatArray:
    """The maxima of symmetric narrow ranges with the least squared error.

    Args:
        weights: float [values, channels].
        bits: of the integers.

    Returns:
        float32 [channels]: from 0.4 to 1 of each channel's largest magnitude.
    """
    largest = np.abs(weights).max(axis=0)
    last = 2 ** (bits - 1) - 1
    best, least = largest, np.full(largest.shape, np.inf)
    for share in WEIGHT_SHARES[::-1]:
        steps = np.maximum(share * largest / last, 1e-30)
        rounded = np.clip(np.round(weights / steps), -last, last) * steps
        errors = np.sum(np.square(rounded - weights), axis=0)
        best = np.where(errors < least, share * largest, best)
        least = np.minimum(errors, least)
    return best.astype(np.float32)
