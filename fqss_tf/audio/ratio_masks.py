"""Sources of a recording by ratio masks over its spectrogram, as Spleeter takes them.

A network says how much of each magnitude every source has. The square of this, over the sum of the
squares of all sources, is the part of the spectrum that the source gets; nothing above the
frequencies that the network hears. A frame of silence comes first, and the last segment is filled
up with empty frames.
"""

import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from fqss_tf.audio.stft import hann, overlapped, spectra
from fqss_tf.formats import CHANNELS, LOGIT_RANGE, MAGNITUDE_RANGE, SpectrogramForm
from fqss_tf.types import FloatArray, Sources, Waveform

EPSILON = 1e-10
# Logits [T / 2, F / 2, 8 S] over LOGIT_RANGE of magnitudes [T, F, 2] over MAGNITUDE_RANGE.
LogitsOf: TypeAlias = Callable[[NDArray[np.float32]], NDArray[np.float32]]


def magnitudes(frames: NDArray[np.complex64], bins: int) -> NDArray[np.float32]:
    """Returns what a network hears of spectra [frames, bins, channels]: float32, full scale 1."""
    return np.abs(frames[:, :bins]) / np.float32(MAGNITUDE_RANGE)


def heard(samples: FloatArray, form: SpectrogramForm) -> NDArray[np.float32]:
    """Returns magnitudes float32 [frames, bins, 2] of one segment.

    Args:
        samples: [frames * hop, 2] or less; zeros are added.
        form: of the network.
    """
    missing = (form.frames - 1) * form.hop + form.kernel - len(samples)
    padded = np.pad(samples, ((0, max(missing, 0)), (0, 0)))
    return magnitudes(spectra(padded, hann(form.kernel))[: form.frames], form.bins)


def separate_blocks(
    blocks: Iterable[NDArray[np.float32]], logits_of: LogitsOf, form: SpectrogramForm, sources: int
) -> Iterator[NDArray[np.float32]]:
    """Separates a stereo recording that comes in blocks, in memory for one segment.

    Args:
        blocks: iterable of float32 [samples, 2], of any lengths.
        logits_of: the network: magnitudes [frames, bins, 2] of a whole segment -> logits.
        form: of the network.
        sources: that it gives.

    Yields:
        float32 [sources, samples, 2]; together as long as the recording.
    """
    window = hann(form.kernel)
    ahead = form.kernel - form.hop
    tail = np.zeros((sources, ahead, CHANNELS))
    skipped, given, returned = form.kernel, 0, 0
    for frames in _segments(blocks, form, window):
        given += frames.samples
        shares = _shares(_masks(logits_of, frames.spectra, form, sources), frames.spectra, form)
        added = np.zeros((sources, len(frames.spectra) * form.hop + ahead, CHANNELS))
        for source, share in enumerate(shares):
            masked = np.zeros_like(frames.spectra)
            masked[:, : form.bins] = share * frames.spectra[:, : form.bins]
            added[source] = overlapped(masked, window)
        added[:, :ahead] += tail
        done, tail = added[:, :-ahead], added[:, -ahead:]
        skip = min(skipped, done.shape[1])
        skipped -= skip
        part = done[:, skip : skip + given - returned]
        returned += part.shape[1]
        yield part.astype(np.float32)


@dataclass(frozen=True)
class _Segment:
    """Spectra [frames, bins, 2], and how many samples of the recording were read for them."""

    spectra: NDArray[np.complex64]
    samples: int


def _segments(
    blocks: Iterable[NDArray[np.float32]], form: SpectrogramForm, window: NDArray[np.float64]
) -> Iterator[_Segment]:
    """The frames of a recording behind one frame of silence, whole segments and a last one."""
    waiting = [np.zeros((form.kernel, CHANNELS), np.float32)]
    length, needed, read = form.kernel, (form.frames - 1) * form.hop + form.kernel, 0
    for block in blocks:
        waiting.append(block)
        length += len(block)
        read += len(block)
        while length >= needed:
            joined = np.concatenate(waiting)
            yield _Segment(spectra(joined[:needed], window), read)
            read = 0
            waiting = [joined[form.frames * form.hop :]]
            length = len(waiting[0])
    joined = np.concatenate(waiting)
    count = math.ceil(length / form.hop)
    joined = np.pad(joined, ((0, (count - 1) * form.hop + form.kernel - length), (0, 0)))
    for first in range(0, count, form.frames):
        last = min(first + form.frames, count)
        yield _Segment(
            spectra(joined[first * form.hop : (last - 1) * form.hop + form.kernel], window), read
        )
        read = 0


def _masks(
    logits_of: LogitsOf, frames: NDArray[np.complex64], form: SpectrogramForm, sources: int
) -> NDArray[np.float32]:
    """[sources, frames, bins, 2]: for each source, how much of a magnitude it has."""
    found = magnitudes(frames, form.bins)
    missing = form.frames - len(found)
    logits = logits_of(np.pad(found, ((0, missing), (0, 0), (0, 0))))
    return masks(logits, form.masks, sources)[:, : len(found)]


def separate_whole(
    mixture: Waveform, logits_of: LogitsOf, form: SpectrogramForm, sources: int
) -> Sources:
    """Separates a recording in one piece; of one channel, the network hears it in both ears.

    Args:
        mixture: float32 [samples] or [samples, 2], of any length.
        logits_of: as of ``separate_blocks``, like the next two.
        form: of the network.
        sources: that it gives.

    Returns:
        float32 [sources, samples], the mean of both ears; or [sources, samples, 2].
    """
    is_mono = mixture.ndim == 1
    stereo = np.stack([mixture] * CHANNELS, axis=1) if is_mono else mixture
    parts = separate_blocks([stereo], logits_of, form, sources)
    return np.concatenate([part.mean(axis=2) if is_mono else part for part in parts], axis=1)


def masks(logits: NDArray[np.float32], kind: str, sources: int) -> NDArray[np.float32]:
    """Returns the masks of logits.

    Args:
        logits: over ``LOGIT_RANGE``, [T / 2, F / 2, 8 * sources], as a network gives them.
        kind: ``sigmoid``, each for itself, or ``softmax``, which add up to 1.
        sources: that they are of.

    Returns:
        float32 [sources, T, F, 2].
    """
    rows, columns, _ = logits.shape
    phases = logits.reshape(rows, columns, sources, 2, 2, CHANNELS) * np.float32(LOGIT_RANGE)
    pixels = phases.transpose(2, 0, 3, 1, 4, 5).reshape(sources, 2 * rows, 2 * columns, CHANNELS)
    if kind == "softmax":
        powers = np.exp(pixels - pixels.max(axis=0))
        return powers / powers.sum(axis=0)
    # The same as 1 / (1 + exp(-x)), which overflows.
    return 0.5 + 0.5 * np.tanh(0.5 * pixels)


def _shares(
    masks: NDArray[np.float32], frames: NDArray[np.complex64], form: SpectrogramForm
) -> NDArray[np.float32]:
    """The part of the spectrum that each source gets: [sources, frames, bins, 2]."""
    energies = np.square(masks * np.abs(frames[:, : form.bins]))
    small = np.float32(EPSILON)
    return (energies + small / len(masks)) / (energies.sum(axis=0) + small)
