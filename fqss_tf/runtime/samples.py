"""Waveforms as callers have them, int16 or any float, and as the separator takes them."""

import numpy as np
from numpy.typing import NDArray

from fqss_tf.audio.samples import by_type, check_shape
from fqss_tf.errors import FqssError
from fqss_tf.runtime.levelling import FULL_SCALE
from fqss_tf.types import AnySamples, FloatArray, Samples, Waveform


def checked(waveform: AnySamples) -> Samples:
    """Returns int16 as it is, everything else as float32 with full scale at 1.

    Raises:
        FqssError: a type without a full scale, not [samples] or [samples, channels], empty, or NaN
            or infinite samples.
    """
    samples = by_type(waveform)
    if samples.dtype != np.int16:
        samples = samples.astype(np.float32)
    check_shape(samples)
    if samples.size == 0:
        raise FqssError("the waveform holds no samples")
    if not np.isfinite(samples).all():
        raise FqssError("the waveform holds NaN or infinite samples")
    return samples


def to_float(samples: Samples) -> Waveform:
    """Returns float32; int16 goes to [-1, 1)."""
    if samples.dtype == np.int16:
        return samples / np.float32(FULL_SCALE)
    return samples.astype(np.float32, copy=False)


def to_int16(samples: FloatArray) -> NDArray[np.int16]:
    """Rounds floats in [-1, 1) to int16; what lies outside saturates."""
    scaled = np.round(samples * np.float32(FULL_SCALE))
    return np.clip(scaled, -FULL_SCALE, FULL_SCALE - 1).astype(np.int16)
