"""A waveform as several 8-bit planes, the most significant first.

A 16-bit sample and two planes are the same thing: ``msb = x >> 8`` and ``lsb = (x & 255) - 128``.
``split`` makes the network's input, ``combine`` reads the network's output. They are not inverse:
the split remainder runs from -128 but stands for 0 to 255, while a network's second output is a
signed correction of the first. ``join`` is the inverse of ``split``.
"""

import numpy as np

STEPS = 128  # plane values per unit of amplitude: int8 with scale 1/128 and zero point 0
RADIX = 256  # each further plane resolves one step of the plane before it into this many
HIGHEST = 1.0 - 2.0**-15


def split(waveform, stages):
    """Splits amplitudes into 8-bit planes; exact for 16-bit samples with two stages.

    Args:
        waveform: floats in [-1, 1), any shape; values outside saturate.
        stages: number of planes, 1 or more.

    Returns:
        int8 [..., stages], to be read with scale 1/128 and zero point 0.
    """
    remainder = np.asarray(waveform, np.float64)
    planes = np.empty((*remainder.shape, stages), np.int8)
    for stage in range(stages):
        scaled = remainder * STEPS
        plane = np.clip(np.floor(scaled), -STEPS, STEPS - 1)
        planes[..., stage] = plane
        remainder = 2.0 * (scaled - plane) - 1.0
    return planes


def join(planes):
    """The waveform that ``split`` would turn into ``planes``: int8 [..., stages] -> float64 [...].

    Returns the lowest amplitude of the cell that the planes name, which is the sample itself
    where it was on the grid (16-bit samples in two planes).
    """
    planes = np.asarray(planes, np.float64)
    waveform = planes[..., 0] / STEPS
    for stage in range(1, planes.shape[-1]):
        waveform = waveform + (planes[..., stage] + STEPS) / (STEPS * float(RADIX) ** stage)
    return waveform


def combine(stages):
    """Adds up a network's output stages and saturates like a 16-bit sample.

    Args:
        stages: sequence of float arrays of one shape, in amplitude units (int8 value / 128);
            stage k counts 1 / 256**k.

    Returns:
        float32 of that shape, in [-1, 1 - 2**-15].
    """
    total = sum(np.asarray(stage, np.float64) / float(RADIX) ** k for k, stage in enumerate(stages))
    return np.clip(total, -1.0, HIGHEST).astype(np.float32)
