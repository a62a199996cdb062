"""Waveforms as callers have them, int16 or any float, and as the separator takes them."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from fqss_tf.errors import FqssError
from fqss_tf.runtime.levelling import FULL_SCALE
from fqss_tf.types import AnySamples, FloatArray, Samples, Waveform


def checked(waveform: AnySamples) -> Samples:
    """Returns int16 as it is, everything else as float32.

    Raises:
        FqssError: not [samples] or [samples, channels], empty, or NaN or infinite samples.
    """
    samples: NDArray[Any] = np.asarray(waveform)
    if samples.dtype != np.int16:
        samples = samples.astype(np.float32)
    if samples.ndim not in (1, 2):
        raise FqssError(
            f"a waveform is [samples] or [samples, channels], this one has shape {samples.shape}"
        )
    if samples.size == 0:
        raise FqssError("the waveform holds no samples")
    if not np.isfinite(samples).all():
        raise FqssError("the waveform holds NaN or infinite samples")
    return samples


def mono(waveform: Samples) -> Samples:
    """Averages the channels: [samples] or [samples, channels] -> [samples] of the same type."""
    if waveform.ndim == 1:
        return waveform
    if waveform.shape[1] == 1:
        return waveform[:, 0]
    mean = waveform.mean(axis=1, dtype=np.float64)
    return (np.round(mean) if waveform.dtype == np.int16 else mean).astype(waveform.dtype)


def to_float(samples: Samples) -> Waveform:
    """Returns float32; int16 goes to [-1, 1)."""
    if samples.dtype == np.int16:
        return samples / np.float32(FULL_SCALE)
    return samples.astype(np.float32, copy=False)


def to_int16(samples: FloatArray) -> NDArray[np.int16]:
    """Rounds floats in [-1, 1) to int16; what lies outside saturates."""
    scaled = np.round(samples * np.float32(FULL_SCALE))
    return np.clip(scaled, -FULL_SCALE, FULL_SCALE - 1).astype(np.int16)
