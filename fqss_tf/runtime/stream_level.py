"""The level at which a network hears a stream whose loudest sample is yet to come.

A level is the magnitude that becomes full scale, its peak, in 16-bit steps.
"""

from typing import Protocol

import numpy as np

from fqss_tf.errors import FqssError
from fqss_tf.runtime import levelling
from fqss_tf.runtime.levelling import FULL_SCALE
from fqss_tf.types import Samples

RUNNING = "running"
LARGEST_GAIN = 60  # dB
RELEASE_SECONDS = 16  # a running peak falls by half in 11 s
LEAST_PEAK = FULL_SCALE // 100  # what is quieter is not raised to full scale: it is noise


class PeakOfStep(Protocol):
    """Gives the peak of each step of a stream in turn, in 16-bit steps."""

    def reset(self) -> None:
        """Forgets the steps so far."""

    def __call__(self, samples: Samples) -> float:
        """Returns the peak of the next step, int16 or float32 [samples]."""


def peak_of(gain: str | float, steps_per_second: float) -> PeakOfStep:
    """Returns what gives the peak of each step of a stream in turn.

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
    def __init__(self, fixed: int) -> None:
        self._peak = fixed

    def reset(self) -> None:
        pass

    def __call__(self, samples: Samples) -> float:
        return self._peak


class _RunningPeak:
    """The largest magnitude so far, falling by 1/``release`` a step."""

    def __init__(self, release: int) -> None:
        self._release = release
        self.reset()

    def reset(self) -> None:
        self._peak: float = LEAST_PEAK

    def __call__(self, samples: Samples) -> float:
        largest = levelling.peak(samples) * (1 if samples.dtype == np.int16 else FULL_SCALE)
        # Rounded up: a peak of fewer steps than ``release`` would never fall.
        fallen = self._peak - -(-self._peak // self._release)
        self._peak = max(largest, fallen, LEAST_PEAK)
        return self._peak
