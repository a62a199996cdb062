"""The level at which a network hears a stream whose loudest sample is yet to come.

A level is the magnitude that becomes full scale, its peak, in 16-bit steps.
"""

import numpy as np

from fqss_tf.errors import FqssError
from fqss_tf.runtime import levelling
from fqss_tf.runtime.levelling import FULL_SCALE

RUNNING = "running"
LARGEST_GAIN = 60  # dB
RELEASE_SECONDS = 16  # a running peak falls by half in 11 s
LEAST_PEAK = FULL_SCALE // 100  # what is quieter is not raised to full scale: it is noise


def peak_of(gain, steps_per_second):
    """A function that gives the peak of each step of a stream in turn, and has ``reset``.

    Args:
        gain: ``"running"``, or decibels of a fixed gain.
        steps_per_second: of the stream.

    Raises:
        FqssError: the gain is neither.
    """
    if isinstance(gain, str) and gain == RUNNING:
        return _RunningPeak(round(RELEASE_SECONDS * steps_per_second))
    if not isinstance(gain, int | float) or not abs(gain) <= LARGEST_GAIN:
        raise FqssError(
            f"gain {gain!r} is unknown: use {RUNNING} or decibels within +-{LARGEST_GAIN}"
        )
    return _FixedPeak(round(FULL_SCALE / 10 ** (gain / 20)))


class _FixedPeak:
    def __init__(self, fixed):
        self._peak = fixed

    def reset(self):
        pass

    def __call__(self, samples):
        return self._peak


class _RunningPeak:
    """The largest magnitude so far, falling by 1/``release`` a step."""

    def __init__(self, release):
        self._release = release
        self.reset()

    def reset(self):
        self._peak = LEAST_PEAK

    def __call__(self, samples):
        largest = levelling.peak(samples) * (1 if samples.dtype == np.int16 else FULL_SCALE)
        # Rounded up: a peak of fewer steps than ``release`` would never fall.
        fallen = self._peak - -(-self._peak // self._release)
        self._peak = max(largest, fallen, LEAST_PEAK)
        return self._peak


def to_full_scale(samples, peak):
    """int16 of which ``peak`` becomes full scale, floored as the planes do, and clipped."""
    scaled = samples.astype(np.int64) * FULL_SCALE // peak
    return np.clip(scaled, -FULL_SCALE, FULL_SCALE - 1).astype(np.int16)


def from_full_scale(estimates, peaks):
    """The inverse: int16 [sources, samples] and the peak of each sample -> int16, rounded."""
    rescaled = (estimates.astype(np.int64) * peaks + FULL_SCALE // 2) // FULL_SCALE
    return np.clip(rescaled, -FULL_SCALE, FULL_SCALE - 1).astype(np.int16)
