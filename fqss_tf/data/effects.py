"""What rooms, telephones and overloaded microphones do to training mixtures."""

import functools
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import scipy.signal
import tensorflow as tf
from numpy.typing import NDArray

from fqss_tf import audio
from fqss_tf.audio.resampling import resample
from fqss_tf.data.bad_files import found_while_reading
from fqss_tf.data.clips import is_audio
from fqss_tf.errors import FqssError
from fqss_tf.types import FloatArray, PathLike, Tensor, Waveform

TELEPHONE_BAND = (300.0, 3400.0)  # Hz, ITU-T G.712
TELEPHONE_ORDER = 4
# Responses that are kept in memory, each of a second or so.
KEPT_ROOMS = 256


class Rooms:
    """The room responses in folders, however deep; those that are used are kept.

    Args:
        folders: of audio files; of several channels the first is taken.
        rate: Hz, that they are resampled to.

    Raises:
        FqssError: a folder holds no audio.
    """

    def __init__(self, folders: Iterable[PathLike], rate: int) -> None:
        self._paths: list[Path] = []
        self._rate = rate
        for folder in map(Path, folders):
            found = sorted(filter(is_audio, folder.rglob("*")))
            if not found:
                raise FqssError(f"{folder}: holds no audio files; data.room_responses names it")
            self._paths += found
        self._response = functools.lru_cache(KEPT_ROOMS)(self._read)

    def __len__(self) -> int:
        return len(self._paths)

    def convolved(self, waveforms: FloatArray, rooms: NDArray[np.int32]) -> FloatArray:
        """Convolves signals with responses; what rings on behind their end is cut off.

        Args:
            waveforms: float32 [B, S, T].
            rooms: int32 [B, S], numbers of responses; -1 leaves a signal as it is.

        Returns:
            float32 [B, S, T].

        Raises:
            FqssError: a response cannot be read.
        """
        result = waveforms.copy()
        for place in zip(*np.nonzero(rooms >= 0), strict=True):
            response = self._response(int(rooms[place]))
            whole = scipy.signal.fftconvolve(waveforms[place], response)
            result[place] = whole[: waveforms.shape[-1]]
        return result

    def _read(self, number: int) -> Waveform:
        """A response of energy 1, from its loudest sample on: the direct sound comes at once."""
        path = self._paths[number]
        try:
            response, rate = audio.read(path)
        except FqssError as error:
            named = FqssError(f"{path}: cannot be read as a room response; remove it")
            found_while_reading(named)
            raise named from error
        heard = resample(response[:, 0], rate, self._rate)
        heard = heard[np.abs(heard).argmax() :]
        energy = float(np.square(heard, dtype=np.float64).sum())
        return (heard / max(energy, 1e-12) ** 0.5).astype(np.float32)


def in_telephone_band(
    waveforms: FloatArray, chosen: NDArray[np.bool_], rate: int
) -> FloatArray:
    """Limits the chosen mixtures to the band of a telephone, or to what of it the rate holds.

    Args:
        waveforms: float32 [B, S, T].
        chosen: bool [B].
        rate: Hz.

    Returns:
        float32 [B, S, T].
    """
    low, high = TELEPHONE_BAND
    high = min(high, 0.45 * rate)
    sections = scipy.signal.butter(TELEPHONE_ORDER, (low, high), "bandpass", fs=rate, output="sos")
    result = waveforms.copy()
    result[chosen] = scipy.signal.sosfilt(sections, waveforms[chosen], axis=-1)
    return result


def clipped(mixture: Tensor, sources: Tensor, level: Tensor) -> tuple[Tensor, Tensor]:
    """Overloads a microphone: mixtures are raised, and clipped at the peak that they had.

    Args:
        mixture: float32 [B, T].
        sources: float32 [B, S, T]; they are raised alike, and not clipped.
        level: float32 [B], the magnitude that is kept, over the peak; 1 changes nothing.

    Returns:
        (mixture, sources).
    """
    level = level[:, tf.newaxis]
    peak = tf.reduce_max(tf.abs(mixture), axis=-1, keepdims=True)
    return tf.clip_by_value(mixture / level, -peak, peak), sources / level[..., tf.newaxis]
