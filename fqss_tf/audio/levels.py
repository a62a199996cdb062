"""The level that a network sees."""

from typing import Any

import numpy as np

from fqss_tf.types import FloatArray, Waveform


def peak_gain(waveform: FloatArray | np.floating[Any]) -> float:
    """Returns the gain that brings the peak of a whole utterance to 1, as a Python float.

    A network multiplies its input by this gain and divides its outputs by it, so a recording is
    separated alike at any volume. Silence has no peak to bring anywhere: its gain is 1.

    Args:
        waveform: floats of any shape; the peak is taken over all of them.
    """
    peak = float(np.max(np.abs(waveform), initial=0.0))
    if peak < np.finfo(np.float32).tiny:
        return 1.0
    return 1.0 / peak


def at_peak_1(waveform: FloatArray) -> Waveform:
    """Returns a whole utterance as a network takes it: float32 of the same shape, peak 1."""
    return (waveform * peak_gain(waveform)).astype(np.float32)
