"""The integers by which TFLite's kernels multiply instead of by a real number."""

import math
from typing import NamedTuple

# What is multiplied, times a power of two above 1, is below this: as fqss_times takes it.
LARGEST_SUM = 2**30


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
