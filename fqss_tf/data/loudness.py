"""Loudness by ITU-R BS.1770-4, as LibriMix measures it."""

import warnings

import numpy as np
import pyloudnorm

from fqss_tf.types import FloatArray

BLOCK_SECONDS = 0.4


def loudness(waveform: FloatArray, rate: int) -> float:
    """Measures the integrated loudness in LUFS of floats [samples] at ``rate`` Hz.

    It is -inf for silence and for less than 0.4 s.
    """
    if len(waveform) < BLOCK_SECONDS * rate:
        return -np.inf
    with warnings.catch_warnings():
        # pyloudnorm takes the mean of no blocks at all where every one is below its threshold.
        warnings.simplefilter("ignore", RuntimeWarning)
        return float(pyloudnorm.Meter(rate).integrated_loudness(np.asarray(waveform, np.float64)))
