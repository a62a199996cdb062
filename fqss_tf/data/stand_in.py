"""Mixtures to score on where a recipe's data has none: the bundled audio, brought to its shape.

Two voices, or a voice and its background, are the bundled mixtures at the recipe's rate. One voice
is the first of each two in noise: the recipe's own noise, or pink noise where it has none.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from fqss_tf.audio.files import resample
from fqss_tf.data.bundled import BUNDLED, data_root
from fqss_tf.data.bundled_voices import BundledVoices
from fqss_tf.data.clips import Clip
from fqss_tf.data.mixtures import FixedMixture, Piece
from fqss_tf.data.sets import DataSet
from fqss_tf.data.source_folders import VOICE_AND_BACKGROUND, SourceFolders
from fqss_tf.errors import FqssError
from fqss_tf.types import FloatArray, Sources, Waveform

PEAK = 0.9


@dataclass(frozen=True)
class StandIn:
    """A bundled mixture at ``rate`` Hz, of both its sources or of the first in noise.

    ``noise`` is a Clip, a number that seeds pink noise, or None for both sources. ``snr`` is the
    RMS of the voice over that of the noise in dB.
    """

    entry: FixedMixture
    rate: int
    noise: Clip | int | None = None
    snr: float = 0.0

    @property
    def mixture_id(self) -> str:
        """That of the bundled mixture."""
        return self.entry.mixture_id

    def load(self) -> tuple[Waveform, Sources]:
        """Reads (mixture float32 [samples], sources float32 [S, samples]).

        Raises:
            FqssError: naming the file that cannot be decoded.
        """
        _, heard = self.entry.load()
        sources = np.stack([resample(source, self.entry.rate, self.rate) for source in heard])
        if self.noise is None:
            return sources.sum(axis=0), sources
        sources = sources[:1]
        noise = self._noise(self.noise, sources.shape[1])
        noise *= _rms(sources[0]) / max(_rms(noise), 1e-8) * 10 ** (-self.snr / 20)
        mixture = sources[0] + noise
        scale = np.float32(PEAK / np.abs(mixture).max())
        return (scale * mixture).astype(np.float32), scale * sources

    def _noise(self, noise: Clip | int, samples: int) -> Waveform:
        if not isinstance(noise, Clip):
            return pink_noise(samples, noise)
        needed = min(noise.frames, -(-samples * noise.rate // self.rate))
        heard = resample(Piece(noise, 0, needed).read(), noise.rate, self.rate)
        return np.resize(heard, samples)


def stand_ins(
    part: str, sources: int, rate: int, noises: Sequence[Clip] = (),
    snr_limits: tuple[float, float] = (0.0, 20.0), names: Sequence[str] = (),
) -> list[FixedMixture] | list[StandIn]:
    """Takes the bundled mixtures for networks of so many sources and that rate.

    They are FixedMixtures as they are where they fit, else StandIns.

    Args:
        part: ``dev`` or ``test``.
        sources: of each mixture, one or two.
        rate: Hz.
        noises: for one source, taken in turn; none stand for pink noise.
        snr_limits: least and largest ratio of one source to its noise, dB; all between are there.
        names: of the sources; voice and background get these, all others two voices.

    Raises:
        FqssError: of more sources than two.
    """
    if sources > 2:
        raise FqssError(
            f"data.datasets have no {part} mixtures, and the bundled audio is no stand-in: it has "
            f"2 sources, but model.sources is {sources}; name a data set with mixtures of {sources}"
        )
    if sources == 1:
        return voices_in_noise(part, rate, noises, snr_limits)
    named = tuple(names) == VOICE_AND_BACKGROUND
    bundled = SourceFolders(data_root(BUNDLED), names) if named else BundledVoices()
    entries = bundled.mixtures(part)
    if not entries:
        raise FqssError(
            "the bundled audio is missing: the package fqss-tf has it, fqss-tf-runtime has not"
        )
    if rate == entries[0].rate:
        return entries
    return [StandIn(entry, rate) for entry in entries]


def voices_in_noise(
    part: str, rate: int, noises: Sequence[Clip] = (),
    snr_limits: tuple[float, float] = (0.0, 20.0),
) -> list[StandIn]:
    """Takes the first of each two bundled voices, in noise; arguments as of ``stand_ins``."""
    entries = BundledVoices().mixtures(part)
    levels = np.linspace(*snr_limits, len(entries))
    return [
        StandIn(entry, rate, noises[number % len(noises)] if noises else number, float(level))
        for number, (entry, level) in enumerate(zip(entries, levels, strict=True))
    ]


def is_bundled(data_set: DataSet) -> bool:
    """Tells whether a data set is the audio of the package."""
    return data_set.root == data_root(BUNDLED)


def pink_noise(samples: int, seed: int) -> Waveform:
    """Draws float32 [samples] whose power falls by 3 dB an octave; the same for the same seed."""
    spectrum = np.fft.rfft(np.random.default_rng(seed).standard_normal(samples))
    spectrum /= np.sqrt(np.maximum(np.arange(len(spectrum)), 1))
    return np.fft.irfft(spectrum, samples).astype(np.float32)


def _rms(waveform: FloatArray) -> float:
    return float(np.sqrt(np.mean(np.square(waveform, dtype=np.float64))))
