"""A level that follows the sound, so that loud and quiet passages are heard alike.

It is that of the loudest blocks nearby, less a few: a click is louder for its own block and no
longer. Before that, the offset is taken away: the median of the blocks' means, which neither a
click nor a loud passage moves. Levels and offsets are whole numbers, in 16-bit steps; a level is
the magnitude that becomes full scale.
"""

import math
from collections import deque
from collections.abc import Collection

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

BLOCK_SECONDS = 0.016
NEARBY_SECONDS = 1.0  # so far to either side, or back where nothing is ahead
LOUDER_BLOCKS = 2  # blocks nearby that may be louder than the level

Steps = NDArray[np.float64]


class LevelEnvelope:
    """Takes the offset away from a segment and finds the level of each of its samples.

    Nothing need be known of the recording before or after.

    Args:
        rate: in Hz.
    """

    def __init__(self, rate: int) -> None:
        self._block = max(round(BLOCK_SECONDS * rate), 1)
        self._nearby = int(NEARBY_SECONDS / BLOCK_SECONDS)

    def __call__(self, samples: Steps) -> tuple[Steps, Steps]:
        """Returns the samples less their offset, and the level of each, both [samples].

        Args:
            samples: in 16-bit steps.
        """
        if not len(samples):
            return samples, np.zeros(0)
        pieces = np.split(samples, range(self._block, len(samples), self._block))
        centered = samples - offset_of([mean(piece) for piece in pieces])
        return centered, self._levels(centered)

    def _levels(self, samples: Steps) -> Steps:
        filled = np.pad(np.abs(samples), (0, -len(samples) % self._block))
        peaks = np.ceil(filled.reshape(-1, self._block).max(axis=1))
        levels = np.maximum(self._loudest_nearby(peaks), peaks)
        edges = np.concatenate([levels[:1], np.maximum(levels[1:], levels[:-1]), levels[-1:]])
        return ramps(edges[:-1], edges[1:], self._block).ravel()[: len(samples)]

    def _loudest_nearby(self, peaks: Steps) -> Steps:
        nearby = sliding_window_view(np.pad(peaks, self._nearby), 2 * self._nearby + 1)
        place = -1 - LOUDER_BLOCKS
        return np.partition(nearby, place, axis=1)[:, place]


class StreamLevel:
    """Does the same for a stream, step by step, without what is yet to come.

    Args:
        steps_per_second: of the stream.
    """

    def __init__(self, steps_per_second: float) -> None:
        nearby = int(NEARBY_SECONDS * steps_per_second) + 1
        self._peaks: deque[float] = deque(maxlen=nearby)
        self._means: deque[float] = deque(maxlen=nearby)
        self.reset()

    def reset(self) -> None:
        """Forgets the stream so far."""
        self._peaks.clear()
        self._means.clear()
        self._offset = 0.0
        self._level = 0.0

    def __call__(self, samples: Steps) -> tuple[Steps, Steps]:
        """Returns a step less its offset, and the level of each sample, both [samples].

        Args:
            samples: in 16-bit steps; the last step of a stream may have fewer, or none.
        """
        if not len(samples):
            return samples, np.zeros(0)
        centered = samples - self._offsets(samples)
        largest = math.ceil(np.abs(centered).max())
        self._peaks.append(largest)
        place = min(LOUDER_BLOCKS, len(self._peaks) - 1)
        loudest = sorted(self._peaks, reverse=True)[place]
        before, self._level = self._level, max(loudest, largest)
        edges = np.array([max(before, self._level)]), np.array([self._level])
        return centered, ramps(*edges, len(samples)).ravel()

    def _offsets(self, samples: Steps) -> Steps:
        """Goes from the last offset to the one that is known now."""
        is_first = not self._means
        self._means.append(mean(samples))
        offset = offset_of(self._means)
        before, self._offset = offset if is_first else self._offset, offset
        return ramps(np.array([before]), np.array([offset]), len(samples)).ravel()


def mean(samples: Steps) -> float:
    """Returns the mean, added up from the first to the last: the same to the last bit anywhere."""
    return float(np.cumsum(samples)[-1]) / len(samples)


def offset_of(means: Collection[float]) -> float:
    """Returns the whole number nearest to the median, the upper one of two."""
    return math.floor(sorted(means)[len(means) // 2] + 0.5)


def ramps(first: Steps, last: Steps, length: int) -> Steps:
    """Returns whole numbers [blocks, length] from ``first`` towards ``last``, both [blocks].

    ``last`` is not reached: it begins the next block.
    """
    places = np.arange(length)
    return np.floor((first[:, None] * (length - places) + last[:, None] * places) / length)
