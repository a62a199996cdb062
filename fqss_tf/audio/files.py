"""Reading and writing whole audio files."""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fqss_tf.audio.reader import Reader
from fqss_tf.audio.resampling import resample
from fqss_tf.audio.writer import Writer
from fqss_tf.files import atomic_path
from fqss_tf.types import AnySamples, PathLike, Waveform

__all__ = ["read", "resample", "write"]


def read(
    path: PathLike, rate: int | None = None, keep_going: bool = False
) -> tuple[Waveform, int]:
    """Reads a whole audio file: whatever libsndfile decodes, or ffmpeg where it is installed.

    Args:
        path: the file.
        rate: sample rate in Hz to resample to; None keeps the file's own.
        keep_going: take what is there of a file that is damaged or cut short, with a warning.

    Returns:
        (float32 [samples, channels], rate in Hz). Integer files lie in [-1, 1); a float file is
        returned as it is, even where it goes beyond, unless its samples are integers of 16 bits
        or more as floats, which are divided by their full scale.

    Raises:
        FqssError: no such file, not audio, cut short, no samples, or NaN or infinite samples.
    """
    with Reader(path, keep_going) as file:
        waveform = np.concatenate(list(file.blocks()))
        if rate is None or rate == file.rate:
            return waveform, file.rate
        return resample(waveform, file.rate, rate), rate


def write(
    path: PathLike, waveform: AnySamples, rate: int, subtype: str | None = "PCM_16"
) -> int:
    """Writes a file in the format that the suffix of ``path`` names, whole or not at all.

    Args:
        path: the file to write.
        waveform: floats or int16, [samples] or [samples, channels].
        rate: sample rate in Hz.
        subtype: soundfile's name of the sample type, e.g. PCM_16, PCM_24 or FLOAT; None: the
            usual one of the format.

    Returns:
        How many samples did not fit an integer type and were clipped.

    Raises:
        FqssError: unknown format or sample type, or the operating system refused to write.
    """
    path = Path(path)
    samples: NDArray[Any] = np.asarray(waveform)
    channels = 1 if samples.ndim == 1 else samples.shape[1]
    with atomic_path(path) as temporary:
        with Writer(temporary, rate, channels, path.suffix.lstrip("."), subtype) as file:
            file.write(samples)
    return file.clipped
