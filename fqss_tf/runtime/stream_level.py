"""The level at which a network hears a stream whose loudest sample is yet to come."""

import numbers

import numpy as np

from fqss_tf.errors import FqssError
from fqss_tf.runtime.level_envelope import Steps, StreamLevel
from fqss_tf.runtime.levelling import FULL_SCALE

RUNNING = "running"
LARGEST_GAIN = 60  # dB


class FixedLevel:
    """One level from end to end."""

    def __init__(self, level: int) -> None:
        self._level = level

    def reset(self) -> None:
        """Has nothing to forget."""

    def __call__(self, samples: Steps) -> tuple[Steps, Steps]:
        """Returns the samples as they are, and the level of each."""
        return samples, np.full(len(samples), float(self._level))


def level_of_steps(gain: str | float, steps_per_second: float) -> StreamLevel | FixedLevel:
    """Returns what finds the levels of each step of a stream in turn.

    Args:
        gain: ``"running"``, or decibels of a fixed gain.
        steps_per_second: of the stream.

    Raises:
        FqssError: the gain is neither.
    """
    if isinstance(gain, str) and gain == RUNNING:
        return StreamLevel(steps_per_second)
    if not isinstance(gain, numbers.Real) or not abs(gain) <= LARGEST_GAIN:
        raise FqssError(
            f"gain {gain!r} is unknown: use {RUNNING} or decibels within +-{LARGEST_GAIN}"
        )
    return FixedLevel(round(FULL_SCALE / 10 ** (gain / 20)))
