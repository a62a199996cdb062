"""One audio file behind another: the parts of a file through libsndfile, or ffmpeg."""

import contextlib
import functools
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import soundfile
from numpy.typing import NDArray

from fqss_tf.audio.containers import find_extent
from fqss_tf.audio.extent import Extent, Part, PartFile
from fqss_tf.audio.ffmpeg import FfmpegFile, holds_many_codecs, is_for_ffmpeg
from fqss_tf.errors import FqssError

UNKNOWN_LENGTH = 2**63 - 1  # what libsndfile says of a FLAC stream whose header has no length
MPEG = "MPEG_LAYER"  # subtypes whose length libsndfile estimates by the bytes of the file
BLOCK_VALUES = 2**17  # samples times channels
TAGS = ("title", "copyright", "software", "artist", "comment", "date", "album", "license",
        "tracknumber", "genre")  # fmt: skip
Dtype = Literal["float32", "int16"]


@dataclass(frozen=True)
class Facts:
    """What is known of a file before it is read.

    Attributes: ``parts`` with the samples per channel of each, ``rate`` in Hz, ``channels``,
    ``subtype`` and ``tags`` as soundfile has them, ``is_cut`` if it ends too early, ``by_ffmpeg``
    if that reads it; the samples are then an estimate.
    """

    parts: tuple[tuple[Part, int], ...]
    rate: int
    channels: int
    subtype: str
    tags: tuple[tuple[str, str], ...] = ()
    is_cut: bool = False
    by_ffmpeg: bool = False

    @property
    def frames(self) -> int:
        """Samples per channel of all parts."""
        return sum(frames for _, frames in self.parts)


def examine(path: Path, name: Path) -> Facts:
    """Finds what an audio file holds, mostly without decoding it.

    Args:
        path: a regular file.
        name: what the user calls it.

    Raises:
        FqssError: neither libsndfile nor ffmpeg reads it.
    """
    try:
        status = path.stat()
        return _examined(path, name, status.st_size, status.st_mtime_ns)
    except soundfile.SoundFileError as error:
        raise FqssError(
            f"{name} is not an audio file that can be read, or is damaged"
        ) from error
    except OSError as error:
        raise FqssError(f"cannot read {name}: {error.strerror or error}") from error


# The same file is opened some times before it is separated.
@functools.lru_cache(maxsize=1024)
def _examined(path: Path, name: Path, _size: int, _changed: int) -> Facts:
    extent = find_extent(path)
    try:
        with _opened(path, extent.parts[0]) as file:
            rate, channels, subtype = file.samplerate, file.channels, file.subtype
    except soundfile.SoundFileError:
        if is_for_ffmpeg(path, name):
            return _examined_by_ffmpeg(path, name, extent.parts[0])
        if holds_many_codecs(path):
            with contextlib.suppress(FqssError):
                return _examined_by_ffmpeg(path, name, extent.parts[0])
        raise
    parts = []
    is_cut = extent.is_cut
    for part in extent.parts:
        try:
            with _opened(path, part) as file:
                if (file.samplerate, file.channels) != (rate, channels):
                    raise FqssError(
                        f"{name} is several recordings of different rates or channels: take it "
                        "apart"
                    )
                frames = file.frames
            if not is_length(frames, subtype, extent):
                frames = 0
                for block in decoded(path, part, channels, "int16"):
                    frames += len(block)
        except soundfile.SoundFileError:
            is_cut = True
        if part.frames is not None and 0 < part.frames < frames:
            frames = part.frames
        parts.append((part, frames))
    return Facts(tuple(parts), rate, channels, subtype, _tags(path, extent.parts[0]), is_cut)


def _examined_by_ffmpeg(path: Path, name: Path, part: Part) -> Facts:
    with contextlib.closing(FfmpegFile(path, name)) as sound:
        tags = tuple((tag, sound.tags[tag]) for tag in TAGS if tag in sound.tags)
        whole = ((part, sound.frames),)
        return Facts(whole, sound.samplerate, sound.channels, "FLOAT", tags, by_ffmpeg=True)


def is_length(frames: int, subtype: str, extent: Extent) -> bool:
    """Tells whether what libsndfile says of the samples per channel can be believed.

    Args:
        frames: what it says.
        subtype: that it says.
        extent: of the file.
    """
    return frames != UNKNOWN_LENGTH and (not subtype.startswith(MPEG) or extent.is_counted)


def decoded(path: Path, part: Part, channels: int, dtype: Dtype) -> Iterator[NDArray[Any]]:
    """Yields blocks [samples, channels] of a part until its end.

    Raises:
        soundfile.SoundFileError: damaged, after all that could be decoded.
    """
    size = max(1, BLOCK_VALUES // channels)
    with _opened(path, part) as file:
        done = 0
        while True:
            out = np.zeros((size, channels), dtype)
            try:
                block = file.read(out=out)
            except soundfile.SoundFileError:
                yield out[: max(0, file.tell() - done)]
                raise
            if len(block) == 0:
                return
            done += len(block)
            yield block


class _Sequential(soundfile.SoundFile):
    """Read from start to end: soundfile else seeks after each block, which a stream refuses."""

    def seekable(self) -> bool:
        return False


@contextlib.contextmanager
def _opened(path: Path, part: Part) -> Iterator[soundfile.SoundFile]:
    if part.is_all_of(path.stat().st_size):
        # soundfile would insist on UTF-8 in names.
        with _Sequential(os.fsencode(path)) as file:
            yield file
        return
    with open(path, "rb") as whole, _Sequential(PartFile(whole, part)) as file:
        yield file


def _tags(path: Path, first: Part) -> tuple[tuple[str, str], ...]:
    """The tags of the first part; where something is put before it they lie before that."""
    if first.before:
        first = Part(0, first.stop)
    # Before the samples are read: a decoder may drop them when it comes to these.
    with contextlib.suppress(soundfile.SoundFileError), _opened(path, first) as file:
        return tuple((tag, text) for tag in TAGS if (text := getattr(file, tag)))
    return ()
