"""A waveform as several 8-bit planes, the most significant first, and back.

A 16-bit sample and two planes are the same thing: ``msb = x >> 8`` and ``lsb = (x & 255) - 128``.
"""

import numpy as np
from numpy.typing import NDArray

from fqss_tf.formats import WAVEFORM_STEPS as STEPS
from fqss_tf.types import FloatArray, PlaneArray, Waveform

RADIX = 256  # each further plane resolves one step of the plane before it into this many
HALF_STEP = np.float32(0.5 / STEPS)  # of the first plane


def split(waveform: FloatArray, count: int) -> PlaneArray:
    """Splits amplitudes into 8-bit planes; exact for 16-bit samples with two planes.

    One plane is rounded to nearest; of several, each is floored and the next has the remainder.

    Args:
        waveform: floats in [-1, 1), any shape; values outside saturate.
        count: of the planes, 1 or more.

    Returns:
        int8 [..., count], to be read with scale 1/128 and zero point 0.
    """
    remainder = np.asarray(waveform, np.float64)
    if count == 1:
        return np.clip(np.round(remainder * STEPS), -STEPS, STEPS - 1).astype(np.int8)[..., None]
    planes = np.empty((*remainder.shape, count), np.int8)
    for index in range(count):
        scaled = remainder * STEPS
        plane = np.clip(np.floor(scaled), -STEPS, STEPS - 1)
        planes[..., index] = plane
        remainder = 2.0 * (scaled - plane) - 1.0
    return planes


def split_nearest(values: FloatArray, count: int) -> PlaneArray:
    """As ``split``, for inputs with the splitter ``fqss_tf.layers.spectral.NearestSplitter``.

    The first of several planes is rounded to nearest, too, so that 0 is 0 in all of them.
    """
    return split(values + HALF_STEP if count > 1 else values, count)


def behind_each_other(planes: PlaneArray) -> PlaneArray:
    """Channels and their planes ``[..., C, count]`` -> ``[..., count * C]``, a plane's together."""
    return np.moveaxis(planes, -1, -2).reshape(*planes.shape[:-2], -1)


def combine(planes: PlaneArray) -> Waveform:
    """Undoes ``split``: int8 [..., count] -> float32 [...] in [-1, 1).

    Of several planes this is the lowest amplitude of the cell that they name: the sample itself
    where it was on the grid (16-bit samples in two planes).
    """
    steps = np.asarray(planes, np.float64)
    waveform = steps[..., 0] / STEPS
    for index in range(1, steps.shape[-1]):
        waveform = waveform + (steps[..., index] + STEPS) / (STEPS * float(RADIX) ** index)
    return waveform.astype(np.float32)


def split_int16(samples: NDArray[np.int16]) -> PlaneArray:
    """Splits 16-bit samples into two planes without a float: int16 [...] -> int8 [..., 2]."""
    return np.stack([samples >> 8, (samples & 255) - 128], axis=-1).astype(np.int8)


def combine_int16(planes: PlaneArray) -> NDArray[np.int16]:
    """Undoes ``split_int16``: int8 [..., 2] -> int16 [...]."""
    high, low = planes[..., 0].astype(np.int16), planes[..., 1].astype(np.int16)
    return (high << 8) + low + np.int16(128)
