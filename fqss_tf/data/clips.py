"""Audio files as training sees them: what their headers say."""

import os
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import soundfile

from fqss_tf.audio.containers import find_extent
from fqss_tf.audio.decoding import is_length
from fqss_tf.audio.reader import Reader
from fqss_tf.errors import FqssError
from fqss_tf.progress import bar
from fqss_tf.types import PathLike

AUDIO_SUFFIXES = (".wav", ".flac", ".mp3", ".ogg")
# Headers lie on a disk that may be slow or far away: waiting for one need not hold up the others.
READERS = 8
MANY = 1000

# How tensorflow-io delivers each (format, subtype) that soundfile reports.
SAMPLE_TYPES = {
    ("WAV", "PCM_U8"): "uint8",
    ("WAV", "PCM_16"): "int16",
    ("WAV", "PCM_24"): "int32",
    ("WAV", "PCM_32"): "int32_as_float32",
    ("WAV", "FLOAT"): "float32",
    ("FLAC", "PCM_S8"): "uint8",
    ("FLAC", "PCM_16"): "int16",
    ("FLAC", "PCM_24"): "int32",
    ("OGG", "VORBIS"): "float32",
    ("MP3", "MPEG_LAYER_III"): "float32",
}
# Files whose header says another length: only ``fqss_tf.audio`` reads all of these.
MENDED = "mended"


@dataclass(frozen=True)
class Clip:
    """One audio file: its length in frames at its own rate (Hz), and its sample type."""

    path: str
    frames: int
    rate: int
    sample_type: str
    channels: int

    @property
    def seconds(self) -> float:
        """How long it is."""
        return self.frames / self.rate


def is_audio(path: Path) -> bool:
    """Tells whether a path is visible and has the suffix of an audio file that training reads."""
    return path.suffix.lower() in AUDIO_SUFFIXES and not path.name.startswith(".")


def is_visible_folder(path: Path) -> bool:
    """Tells whether a path is a folder that no program has hidden for itself."""
    return path.is_dir() and not path.name.startswith(".")


def read_clip(path: PathLike) -> Clip:
    """Describes an audio file from its header.

    Raises:
        FqssError: the file is missing, no audio, empty, cut short, or has an encoding that cannot
            be streamed.
    """
    path = Path(path)
    try:
        extent = find_extent(path, search=False)
        if extent.is_cut:
            raise FqssError(f"{path}: is cut short; replace or remove it")
        if not extent.is_as_its_header_says(path.stat().st_size):
            return _mended(path)
        info = soundfile.info(str(path))
    except UnicodeEncodeError as error:
        name = os.fsencode(path).decode("utf-8", "backslashreplace")
        raise FqssError(f"{name}: its name is not UTF-8; rename it") from error
    except (soundfile.LibsndfileError, OSError) as error:
        raise FqssError(f"{path}: {_unreadable(path)}") from error
    file_format = "WAV" if info.format == "WAVEX" else info.format
    sample_type = SAMPLE_TYPES.get((file_format, info.subtype))
    if sample_type is None:
        raise FqssError(
            f"{path}: {info.format} {info.subtype} is not supported for training; "
            "convert it to 16-bit WAV or FLAC"
        )
    if not is_length(info.frames, info.subtype, extent):
        return _mended(path)
    if info.frames == 0:
        raise FqssError(f"{path}: holds no samples; remove it")
    return Clip(str(path), info.frames, info.samplerate, sample_type, info.channels)


def _mended(path: Path) -> Clip:
    with Reader(path) as file:
        return Clip(str(path), file.frames, file.rate, MENDED, file.channels)


def read_clips(paths: Iterable[Path]) -> dict[Path, Clip | FqssError]:
    """Describes many audio files, several at a time, with a progress bar on a terminal.

    Args:
        paths: of the files; one that is named twice is read once.

    Returns:
        {path as given: Clip, or the FqssError that says why there is none}.
    """
    paths = list(dict.fromkeys(paths))
    with ThreadPoolExecutor(READERS) as pool:
        results = pool.map(_clip_or_error, paths)
        found = {}
        with bar("headers", len(paths), hidden=len(paths) < MANY) as shown:
            for path, result in zip(paths, results, strict=True):
                found[path] = result
                shown.update(1)
        return found


def usable(found: Clip | FqssError) -> Clip:
    """Returns what ``read_clips`` found if it is a clip.

    Raises:
        FqssError: the one that was found instead.
    """
    if isinstance(found, FqssError):
        raise found
    return found


def _clip_or_error(path: Path) -> Clip | FqssError:
    try:
        return read_clip(path)
    except FqssError as error:
        return error


def _unreadable(path: Path) -> str:
    if not path.exists():
        return "is missing"
    if path.stat().st_size == 0:
        return "is empty, 0 bytes; replace or remove it"
    return "cannot be read as audio; replace or remove it"
