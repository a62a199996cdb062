"""Sources by a network that hears both the spectrogram and the waveform, as demucs has it.

The spectrogram is the short-time Fourier transform of both channels without its highest frequency,
as real numbers: real and imaginary part of the left channel, then of the right. Both inputs are
brought to mean 0 and deviation 1, which is undone at the outputs. A source is the sum of the
waveform and of the inverse transform that the network gives for it.
"""

import math
from collections.abc import Callable
from typing import TypeAlias

import numpy as np

from fqss_tf.audio.stft import hann, overlapped, spectra
from fqss_tf.formats import CHANNELS, WINDOWS
from fqss_tf.types import FloatArray

EPSILON = 1e-5
# Hops by which the first frame begins before the first sample.
AHEAD = 1.5
# Waveform [samples, 2] and spectrogram [bins, frames, 4] -> those of all sources,
# [samples, 2 S] and [bins, frames, 4 S].
HybridNetwork: TypeAlias = Callable[[FloatArray, FloatArray], tuple[FloatArray, FloatArray]]


def separate(samples: FloatArray, network: HybridNetwork, kernel: int) -> FloatArray:
    """Separates a stereo waveform.

    Args:
        samples: [samples, 2], at least ``kernel``.
        network: of normalized inputs.
        kernel: window of the transform, in samples.

    Returns:
        Float [sources, samples, 2].
    """
    heard, mean, deviation = normalized(spectrogram(samples, kernel))
    waveform, wave_mean, wave_deviation = normalized(samples)
    waves, found = network(waveform, heard)
    sources = waves.shape[-1] // CHANNELS
    apart = waves.reshape(len(samples), sources, CHANNELS).transpose(1, 0, 2)
    estimates = apart * wave_deviation + wave_mean
    parts = np.split(found * deviation + mean, sources, axis=-1)
    return estimates + np.stack([inverse(part, kernel, len(samples)) for part in parts])


def normalized(values: FloatArray) -> tuple[FloatArray, float, float]:
    """Returns (values of mean 0 and deviation 1, their mean, their deviation).

    They are divided by 1e-5 more than the deviation, which demucs does not undo.
    """
    mean = values.mean(dtype=np.float64)
    deviation = values.std(ddof=1, dtype=np.float64)
    return (values - mean) / (EPSILON + deviation), float(mean), float(deviation)


def spectrogram(samples: FloatArray, kernel: int) -> FloatArray:
    """Returns the transform of [samples, 2] as real numbers, [kernel / 2, frames, 4].

    There is a frame for each hop that the samples begin, with the samples mirrored at both ends.
    """
    hop = kernel // WINDOWS
    frames = math.ceil(len(samples) / hop)
    ahead = int(AHEAD * hop)
    behind = ahead + frames * hop - len(samples)
    padded = np.pad(samples, ((ahead, behind), (0, 0)), mode="reflect")
    found = spectra(padded, hann(kernel))[:, :-1] / math.sqrt(kernel)
    pairs = np.stack([found.real, found.imag], axis=-1)  # [frames, bins, channels, 2]
    return pairs.transpose(1, 0, 2, 3).reshape(kernel // 2, frames, 2 * CHANNELS)


def inverse(values: FloatArray, kernel: int, length: int) -> FloatArray:
    """Undoes ``spectrogram``: [kernel / 2, frames, 4] -> the first ``length`` samples [length, 2].

    The highest frequency is 0.
    """
    bins, frames, _ = values.shape
    pairs = values.reshape(bins, frames, CHANNELS, 2)
    found = (pairs[..., 0] + 1j * pairs[..., 1]).transpose(1, 0, 2).astype(np.complex64)
    whole = np.pad(found, ((0, 0), (0, 1), (0, 0))) * math.sqrt(kernel)
    start = int(AHEAD * kernel / WINDOWS)
    return overlapped(whole, hann(kernel))[start : start + length]
