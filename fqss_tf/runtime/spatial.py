"""The sources in each channel of a recording, by what the network hears in one channel of all.

The network separates the downmix. What it finds says when and at which frequencies each source is
heard, and so how loud and how late the source is in each channel. With both, a multichannel Wiener
filter takes each source out of the channels themselves.
"""

from collections.abc import Callable
from typing import cast

import numpy as np
from numpy.typing import NDArray

from fqss_tf.audio.channels import mono
from fqss_tf.types import Sources, Waveform

MOST_CHANNELS = 8  # 7.1; the work grows with the third power
WINDOW_SECONDS = 0.064
# The place of a source is where it is nearly alone: its share of the magnitude counts so.
ALONE = 8
DIFFUSE = 1e-3  # of the energy of a source comes from everywhere
SILENCE = 1e-100


def channels_of(channels: int, mono: bool = False) -> int:
    """Returns how many channels the sources have of a recording of so many.

    Args:
        channels: of the recording.
        mono: whether one is wanted.
    """
    return 1 if mono or channels > MOST_CHANNELS else channels


def in_each_channel(
    separate: Callable[[Waveform], Sources], signs: NDArray[np.int8], rate: int
) -> Callable[[NDArray[np.float32]], NDArray[np.float32]]:
    """Returns a function that separates several channels by one that separates their downmix.

    Args:
        separate: function float32 [samples] -> [sources, samples].
        signs: how the channels add up, as ``audio.channels.downmix_signs`` finds it.
        rate: in Hz.

    Returns:
        float32 [samples, channels] -> float32 [sources, samples, channels], without the offset of
        each channel. What no source has is in none of them.
    """
    window = 2 * max(round(WINDOW_SECONDS * rate / 2), 1)

    def forward(samples: NDArray[np.float32]) -> NDArray[np.float32]:
        if not len(samples):
            return np.zeros((separate(samples[:, 0]).shape[0], *samples.shape), np.float32)
        sources = separate(cast(Waveform, mono(samples, signs)))
        centered = samples - samples.mean(axis=0)
        rest = mono(centered, signs) - sources.sum(axis=0)
        heard = np.abs(_spectra(np.vstack([sources, rest]).T, window)) + SILENCE
        filtered = _filtered(_spectra(centered, window), heard)[..., : len(sources)]
        parts = [_samples(filtered[..., k], window, len(samples)) for k in range(len(sources))]
        return np.stack(parts).astype(np.float32)

    return forward


def _filtered(channels: NDArray, heard: NDArray) -> NDArray:
    """Takes each source out of each channel.

    Args:
        channels: complex [frames, bins, channels].
        heard: magnitudes of the sources and of the rest in the downmix, [frames, bins, sources].

    Returns:
        complex [frames, bins, channels, sources].
    """
    share = (heard / heard.sum(axis=-1, keepdims=True)) ** ALONE
    identity = np.eye(channels.shape[-1])
    found = np.empty((*channels.shape, heard.shape[-1]), channels.dtype)
    for bin_, spectrum in enumerate(np.moveaxis(channels, 1, 0)):
        # [sources, channels, channels]: how a source sounds in one channel, given another.
        places = np.einsum("tk,tc,td->kcd", share[:, bin_], spectrum, spectrum.conj())
        energies = np.trace(places, axis1=1, axis2=2).real + SILENCE
        places = places / energies[:, None, None] + DIFFUSE / len(identity) * identity
        covariances = heard[:, bin_, :, None, None] * places  # [frames, sources, ...]
        whitened = np.linalg.solve(covariances.sum(axis=1), spectrum[:, :, None])
        found[:, bin_] = np.moveaxis((covariances @ whitened[:, None])[..., 0], 1, 2)
    return found


def _window(length: int) -> NDArray:
    """Its square, half a window apart, adds up to 1."""
    return np.sin(np.pi * (np.arange(length) + 0.5) / length)


def _spectra(samples: NDArray, window: int) -> NDArray:
    """[samples, channels] -> complex [frames, bins, channels], half a window apart."""
    half = window // 2
    padded = np.pad(samples, ((half, half + -len(samples) % half), (0, 0)))
    frames = np.lib.stride_tricks.sliding_window_view(padded, window, axis=0)[::half]
    return np.moveaxis(np.fft.rfft(frames * _window(window), axis=-1), 1, 2)


def _samples(spectra: NDArray, window: int, length: int) -> NDArray:
    """The reverse: the first ``length`` samples, [samples, channels]."""
    half = window // 2
    frames = np.fft.irfft(spectra, window, axis=1) * _window(window)[:, None]
    added = np.zeros(((len(frames) + 1) * half, spectra.shape[2]))
    added[:-half] += frames[:, :half].reshape(-1, spectra.shape[2])
    added[half:] += frames[:, half:].reshape(-1, spectra.shape[2])
    return added[half : half + length]
