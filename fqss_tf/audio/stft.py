"""Short-time Fourier transform of several channels, a few frames at a time.

The window is a periodic Hann window, and frames begin every quarter of it.
"""

import numpy as np
from numpy.typing import NDArray

from fqss_tf.formats import WINDOWS
from fqss_tf.types import FloatArray

# The squares of four windows add up to 3/2.
COMPENSATION = 2 / 3


def hann(length: int) -> NDArray[np.float64]:
    """Returns the periodic Hann window."""
    return np.hanning(length + 1)[:-1]


def spectra(samples: FloatArray, window: NDArray[np.float64]) -> NDArray[np.complex64]:
    """Transforms all whole frames.

    Args:
        samples: [samples, channels], at least as many as the window has.
        window: of the analysis, [length].

    Returns:
        complex64 [frames, length / 2 + 1, channels].
    """
    hop = len(window) // WINDOWS
    frames = np.lib.stride_tricks.sliding_window_view(samples, len(window), axis=0)[::hop]
    return np.moveaxis(np.fft.rfft(frames * window, axis=-1), 1, 2).astype(np.complex64)


def overlapped(frames: NDArray[np.complex64], window: NDArray[np.float64]) -> FloatArray:
    """Transforms frames back, and adds them up.

    Args:
        frames: as ``spectra`` gives them.
        window: of the synthesis, that of the analysis.

    Returns:
        float64 [(frames + 3) * hop, channels]: the samples, of which the first three hops lack the
        frames before, and the last three the frames behind.
    """
    count, _, channels = frames.shape
    length = len(window)
    hop = length // WINDOWS
    parts = np.fft.irfft(frames, length, axis=1) * (COMPENSATION * window)[:, None]
    parts = parts.reshape(count, WINDOWS, hop, channels)
    added = np.zeros((count + WINDOWS - 1, hop, channels))
    for part in range(WINDOWS):
        added[part : part + count] += parts[:, part]
    return added.reshape(-1, channels)
