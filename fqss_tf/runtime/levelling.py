"""The level at which a network hears a recording: full scale, whatever the level of the recording.

A level is the magnitude that becomes full scale, in 16-bit steps. Where it follows the sound, what
is below ``LEAST_LEVEL`` stays below full scale, and its estimates are turned down further by as
much, so that a noise floor is never louder than it was.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
from numpy.typing import NDArray

from fqss_tf.errors import FqssError
from fqss_tf.runtime.level_envelope import LevelEnvelope
from fqss_tf.types import Samples, Sources, Waveform

if TYPE_CHECKING:
    from fqss_tf.runtime.engine import Engine

FULL_SCALE = 2**15  # of 16-bit samples
LEAST_LEVEL = 32.0  # -60 dBFS
LEAST_LOUDEST = float(np.finfo(np.float32).tiny)  # of a recording that gets one gain: any
# [samples] in 16-bit steps -> the samples less their offset, and the level of each.
LevelOf: TypeAlias = Callable[
    [NDArray[np.float64]], tuple[NDArray[np.float64], NDArray[np.float64]]
]


def peak(samples: Samples) -> float:
    """Returns the largest magnitude as a Python number, 0 of no samples.

    It is an int for int16 samples, so that the magnitude of -32768 fits.

    Raises:
        FqssError: a magnitude that float32 cannot hold.
    """
    largest = max(samples.max(initial=0).item(), -samples.min(initial=0).item())
    if not np.isfinite(largest):
        raise FqssError("the samples are too large for float32: write the recording at peak 1")
    return largest


def in_steps(samples: Samples) -> NDArray[np.float64]:
    """Returns int16 samples, or floats of full scale 1, in 16-bit steps."""
    return samples.astype(np.float64) * (1 if samples.dtype == np.int16 else FULL_SCALE)


def level_of(rate: int, loudest: float | None) -> LevelOf:
    """Returns the function that finds the levels of a segment.

    Args:
        rate: of the samples, in Hz.
        loudest: largest magnitude of the recording in 16-bit steps, its level from end to end;
            None: the level follows the sound.
    """
    if loudest is None:
        return LevelEnvelope(rate)
    return lambda samples: (samples, np.full(len(samples), float(loudest)))


def levelled(engine: "Engine", loudest: float | None = None) -> Callable[[Waveform], Sources]:
    """Returns a function that separates up to one segment of float32 samples of any level.

    Args:
        engine: the model.
        loudest: largest magnitude of the recording; None: the level follows the sound.

    Returns:
        float32 [samples] -> float32 [sources, samples]; silence in, silence out.
    """
    metadata = engine.metadata
    levels_of = level_of(
        metadata.sample_rate, None if loudest is None else float(loudest) * FULL_SCALE
    )
    least = LEAST_LEVEL if loudest is None else LEAST_LOUDEST

    def forward(samples: Waveform) -> Sources:
        peak(samples)
        centered, levels = levels_of(in_steps(samples))
        if not centered.any():
            return np.zeros((len(metadata.sources), len(samples)), np.float32)
        segment = _filled_up(to_full_scale(centered, levels, least), metadata.segment)
        return from_full_scale(engine.forward(segment)[:, : len(samples)], levels)

    return forward


def levelled_int16(
    engine: "Engine", loudest: float | None = None
) -> Callable[[NDArray[np.int16]], NDArray[np.int16]]:
    """Returns a function that does the same in integers throughout, for 16-bit samples.

    The quotient by the level is floored to 16 bits, as ``planes.split`` floors floats.

    Args:
        engine: a model of two planes each way.
        loudest: as for ``levelled``, in 16-bit steps; a whole number.

    Returns:
        int16 [samples] -> int16 [sources, samples].
    """
    metadata = engine.metadata
    levels_of = level_of(metadata.sample_rate, loudest)
    least = LEAST_LEVEL if loudest is None else 1.0

    def forward(samples: NDArray[np.int16]) -> NDArray[np.int16]:
        centered, levels = levels_of(in_steps(samples))
        if not centered.any():
            return np.zeros((len(metadata.sources), len(samples)), np.int16)
        segment = _filled_up(to_full_scale_int16(centered, levels, least), metadata.segment)
        return from_full_scale_int16(engine.forward_int16(segment)[:, : len(samples)], levels)

    return forward


def _filled_up(samples: NDArray, length: int) -> NDArray:
    return np.pad(samples, (0, length - len(samples)))


def to_full_scale(
    samples: NDArray[np.float64], levels: NDArray[np.float64], least: float = LEAST_LEVEL
) -> Waveform:
    """Scales samples in 16-bit steps so that their levels, one for each, become 1: float32.

    What has a lower level than ``least`` stays below 1.
    """
    return (samples / np.maximum(levels, least)).astype(np.float32)


def from_full_scale(estimates: Sources, levels: NDArray[np.float64]) -> Sources:
    """Undoes it: float32 [sources, samples] -> float32 of full scale 1."""
    return (estimates * (levels / FULL_SCALE)).astype(np.float32)


def to_full_scale_int16(
    samples: NDArray[np.float64], levels: NDArray[np.float64], least: float = LEAST_LEVEL
) -> NDArray[np.int16]:
    """Does it for whole numbers: the quotient is floored as the planes do, and clipped."""
    heard = np.maximum(levels, least).astype(np.int64)
    scaled = samples.astype(np.int64) * FULL_SCALE // heard
    return np.clip(scaled, -FULL_SCALE, FULL_SCALE - 1).astype(np.int16)


def from_full_scale_int16(
    estimates: NDArray[np.int16], levels: NDArray[np.float64]
) -> NDArray[np.int16]:
    """Undoes it: int16 [sources, samples] -> int16, rounded, and clipped."""
    rescaled = estimates.astype(np.int64) * levels.astype(np.int64)
    rounded = (rescaled + FULL_SCALE // 2) // FULL_SCALE
    return np.clip(rounded, -FULL_SCALE, FULL_SCALE - 1).astype(np.int16)
