"""Arrays of sound of any type that numpy has: which numbers are full scale."""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fqss_tf.errors import FqssError

# (number that is silence, number that is full scale) of the integers that audio comes in.
INTEGERS = {"u1": (2**7, 2**7), "i1": (0, 2**7), "i4": (0, 2**31)}
MOST_CHANNELS = 64


def by_type(waveform: ArrayLike) -> NDArray[Any]:
    """Returns int16 in the byte order of the machine, or floats with full scale at 1.

    Args:
        waveform: int16 and floats stay as they are, in any byte order; uint8 is taken as 8-bit WAV
            has it, int8 and int32 by their own full scale.

    Raises:
        FqssError: another type, of which nobody can say what full scale is.
    """
    samples: NDArray[Any] = np.asarray(waveform)
    samples = samples.astype(samples.dtype.newbyteorder("="), copy=False)
    if samples.dtype == np.int16 or np.issubdtype(samples.dtype, np.floating):
        return samples
    kind = samples.dtype.str[1:]
    if kind not in INTEGERS:
        raise FqssError(
            f"samples of type {samples.dtype} have no full scale: give int16, or floats in [-1, 1)"
        )
    silence, full_scale = INTEGERS[kind]
    floats = (samples.astype(np.float64) - silence) / full_scale
    return floats if kind == "i4" else floats.astype(np.float32)


def check_shape(samples: NDArray[Any]) -> None:
    """Makes sure that an array is [samples] or [samples, channels].

    Raises:
        FqssError: it is not, or has so many channels that it must be the other way round.
    """
    if samples.ndim not in (1, 2):
        raise FqssError(
            f"a waveform is [samples] or [samples, channels], this one has shape {samples.shape}"
        )
    if samples.ndim == 2 and samples.shape[1] > max(samples.shape[0], MOST_CHANNELS):
        raise FqssError(
            f"a waveform is [samples, channels], this one has shape {samples.shape}: give its "
            "transpose"
        )
