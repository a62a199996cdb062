"""The integers by which TFLite's kernels multiply instead of by a real number."""

import math
from typing import NamedTuple

RELU = 1
NO_ACTIVATION = 0


class Multiplier(NamedTuple):
    """A real number as ``value * 2 ** (shift - 31)``, ``value`` a 32-bit integer."""

    value: int
    shift: int


def multiplier_of(real: float) -> Multiplier:
    """Returns the multiplier that is nearest to a positive real number, as TFLite takes it."""
    fraction, shift = math.frexp(real)
    value = math.floor(fraction * 2**31 + 0.5)
    if value == 2**31:
        value, shift = value // 2, shift + 1
    return Multiplier(0, 0) if shift < -31 else Multiplier(value, shift)


def least_code(activation: int, zero_point: int) -> int | None:
    """Returns the least code of an output; None for an activation that plain C has not."""
    if activation == NO_ACTIVATION:
        return -128
    return max(-128, zero_point) if activation == RELU else None
