"""Recordings as they are, without their sources: what ranges can be measured on."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from fqss_tf.audio.levels import at_peak_1
from fqss_tf.audio.resampling import resample
from fqss_tf.data.bad_files import BadFilePolicy
from fqss_tf.data.clips import Clip, is_audio, read_clips
from fqss_tf.data.folders import PARTS
from fqss_tf.data.librimix import mode_folders
from fqss_tf.data.mixtures import Piece
from fqss_tf.errors import FqssError
from fqss_tf.types import PathLike, Waveform

SILENT_PEAK = 1e-4


def is_data_set(folder: PathLike) -> bool:
    """Tells whether a folder has the parts of a data set, so that training can mix from it."""
    folder = Path(folder)
    has_parts = any((folder / part).is_dir() for part in PARTS)
    return has_parts or folder.is_dir() and bool(mode_folders(folder))


def recorded_segments(
    folder: PathLike, rate: int, samples: int, most: int, bad_files: BadFilePolicy
) -> Iterator[Waveform]:
    """Reads segments of the recordings in a folder, evenly taken over all of them.

    Args:
        folder: with audio files at any depth; of several channels the mean is taken.
        rate: Hz, to which each is resampled.
        samples: of a segment, at ``rate``; shorter recordings are filled up with zeros.
        most: segments.
        bad_files: a ``BadFilePolicy`` that hears of files that cannot be read.

    Yields:
        float32 [samples] of peak 1; silent ones are left out.

    Raises:
        FqssError: no such folder, no recordings in it, or all of them silent.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise FqssError(f"{folder}: no such folder; give one with recordings")
    paths = sorted(filter(is_audio, folder.rglob("*")))
    pieces: list[Piece] = []
    for clip in read_clips(paths).values():
        if isinstance(clip, FqssError):
            bad_files.report(str(clip))
        else:
            pieces += _cut(clip, samples / rate)
    if not pieces:
        raise FqssError(f"{folder}: holds no audio files; the ranges are measured on some")
    found = 0
    for index in range(min(most, len(pieces))):
        piece = pieces[index * len(pieces) // min(most, len(pieces))]
        segment = resample(piece.read(), piece.clip.rate, rate)[:samples]
        if np.max(np.abs(segment), initial=0) < SILENT_PEAK:
            continue
        found += 1
        segment = np.pad(segment, (0, samples - len(segment)))
        yield at_peak_1(segment)
    if not found:
        raise FqssError(f"{folder}: its recordings are silent")


def _cut(clip: Clip, seconds: float) -> list[Piece]:
    frames = max(1, round(seconds * clip.rate))
    starts = range(0, max(1, clip.frames - frames + 1), frames)
    return [Piece(clip, start, min(frames, clip.frames - start)) for start in starts]
