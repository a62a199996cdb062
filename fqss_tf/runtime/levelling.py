"""The level at which a network sees a segment: peak 1, whatever the level of the recording."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from fqss_tf.audio.levels import peak_gain
from fqss_tf.errors import FqssError
from fqss_tf.types import Samples, Sources, Waveform

if TYPE_CHECKING:
    from fqss_tf.runtime.engine import Engine

FULL_SCALE = 2**15  # of 16-bit samples


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


def levelled(
    engine: "Engine", peak_of_all: float | None = None
) -> Callable[[Waveform], Sources]:
    """Returns a function that separates one segment of float32 samples of any level.

    Args:
        engine: the model.
        peak_of_all: largest magnitude of the recording; None: each segment is brought to peak 1 by
            its own, so that nothing need be known of what follows.

    Returns:
        float32 [segment] -> float32 [sources, segment]; silence in, silence out.
    """

    def forward(segment: Waveform) -> Sources:
        if not segment.any():
            return np.zeros((len(engine.metadata.sources), len(segment)), np.float32)
        gain = peak_gain(np.float32(peak(segment) if peak_of_all is None else peak_of_all))
        return (engine.forward((segment * gain).astype(np.float32)) / gain).astype(np.float32)

    return forward


def levelled_int16(
    engine: "Engine", peak_of_all: float | None = None
) -> Callable[[NDArray[np.int16]], NDArray[np.int16]]:
    """Returns a function that does the same in integers throughout, for 16-bit samples.

    The quotient by the peak is floored to 16 bits, as ``planes.split`` floors floats.

    Args:
        engine: a model of two planes each way.
        peak_of_all: as for ``levelled``, in 16-bit steps; a whole number.

    Returns:
        int16 [segment] -> int16 [sources, segment].
    """

    def forward(segment: NDArray[np.int16]) -> NDArray[np.int16]:
        if not segment.any():
            return np.zeros((len(engine.metadata.sources), len(segment)), np.int16)
        loudest = peak(segment) if peak_of_all is None else peak_of_all
        return from_full_scale(engine.forward_int16(to_full_scale(segment, loudest)), loudest)

    return forward


def to_full_scale(samples: NDArray[np.int16], peak: float) -> NDArray[np.int16]:
    """Scales int16 so that ``peak`` becomes full scale, floored as the planes do, and clipped."""
    scaled = samples.astype(np.int64) * FULL_SCALE // peak
    return np.clip(scaled, -FULL_SCALE, FULL_SCALE - 1).astype(np.int16)


def from_full_scale(estimates: NDArray[np.int16], peak: Any) -> NDArray[np.int16]:
    """Undoes it: int16 [sources, samples] -> int16, rounded.

    Args:
        estimates: of what ``to_full_scale`` gave.
        peak: of all samples, a whole number; or an array of them, of each sample.
    """
    rescaled = (estimates.astype(np.int64) * peak + FULL_SCALE // 2) // FULL_SCALE
    return np.clip(rescaled, -FULL_SCALE, FULL_SCALE - 1).astype(np.int16)
