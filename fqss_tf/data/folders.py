"""The data set folder ``<root>/<part>/<speaker>/*.wav`` (or flac, mp3, ogg), checked and listed.

An optional ``<root>/<part>/groups.csv`` (columns ``speaker,group``) names speakers that may be the
same person, such as the characters of one actor: two speakers of a group are never mixed.
"""

import csv
from dataclasses import dataclass
from pathlib import Path

import soundfile

from fqss_tf.audio.files import UNKNOWN_LENGTH
from fqss_tf.errors import FqssError

AUDIO_SUFFIXES = (".wav", ".flac", ".mp3", ".ogg")

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


@dataclass(frozen=True)
class Clip:
    """One audio file: its length in frames at its own rate, and its sample type."""

    path: str
    frames: int
    rate: int
    sample_type: str

    @property
    def seconds(self):
        return self.frames / self.rate


@dataclass(frozen=True)
class Speaker:
    """One folder of clips; speakers with equal ``group`` are never mixed with each other."""

    name: str
    group: tuple
    clips: tuple


def scan_speakers(roots, part):
    """Lists the speakers of ``<root>/<part>`` for one root or several.

    Args:
        roots: a folder, or a list of folders; equal speaker names in two roots are two speakers.
        part: 'train', 'dev' or 'test'.

    Returns:
        Speakers sorted by root, then folder name; each has at least one clip.

    Raises:
        FqssError: naming the first thing that is missing, unreadable or unsupported, or when
            there are not two speakers that may be mixed.
    """
    if isinstance(roots, str | Path):
        roots = [roots]
    speakers = [speaker for root in roots for speaker in _scan_root(Path(root), part)]
    if len({speaker.group for speaker in speakers}) < 2:
        places = ", ".join(str(Path(root) / part) for root in roots)
        raise FqssError(f"{places}: mixing needs at least two speakers (of different groups)")
    return speakers


def read_clip(path):
    """Describes an audio file from its header.

    Raises:
        FqssError: the file is no audio, is empty, or has an encoding that cannot be streamed.
    """
    try:
        info = soundfile.info(str(path))
    except (soundfile.LibsndfileError, OSError) as error:
        raise FqssError(f"{path}: cannot be read as audio; replace or remove it") from error
    file_format = "WAV" if info.format == "WAVEX" else info.format
    sample_type = SAMPLE_TYPES.get((file_format, info.subtype))
    if sample_type is None:
        raise FqssError(
            f"{path}: {info.format} {info.subtype} is not supported for training; "
            "convert it to 16-bit WAV or FLAC"
        )
    if info.frames == UNKNOWN_LENGTH:
        raise FqssError(f"{path}: does not say how long it is; write it anew as WAV or FLAC")
    if info.frames == 0:
        raise FqssError(f"{path}: holds no samples; remove it")
    return Clip(str(path), info.frames, info.samplerate, sample_type)


def _scan_root(root, part):
    folder = root / part
    if not folder.is_dir():
        raise FqssError(f"{folder}: no such folder; expected {root}/{part}/<speaker>/*.wav")
    speaker_folders = sorted(entry for entry in folder.iterdir() if entry.is_dir())
    if not speaker_folders:
        raise FqssError(f"{folder}: holds no speaker folders; expected <speaker>/*.wav in it")
    groups = _read_groups(folder, {entry.name for entry in speaker_folders})
    speakers = []
    for entry in speaker_folders:
        paths = sorted(path for path in entry.iterdir() if path.suffix.lower() in AUDIO_SUFFIXES)
        if not paths:
            raise FqssError(f"{entry}: holds no {', '.join(AUDIO_SUFFIXES)} files")
        # A speaker without a listed group is a group alone, and never equals a listed name.
        group = ("group", groups[entry.name]) if entry.name in groups else ("speaker", entry.name)
        clips = tuple(read_clip(path) for path in paths)
        speakers.append(Speaker(entry.name, (str(root), *group), clips))
    return speakers


def _read_groups(folder, speaker_names):
    path = folder / "groups.csv"
    if not path.exists():
        return {}
    with open(path, newline="", encoding="utf-8") as file:
        reader = csv.DictReader(file)
        if not {"speaker", "group"} <= set(reader.fieldnames or ()):
            raise FqssError(f"{path}: needs the columns speaker,group")
        groups = {row["speaker"]: row["group"] for row in reader}
    unknown = sorted(set(groups) - speaker_names)
    if unknown:
        raise FqssError(f"{path}: names the speaker {unknown[0]}, which has no folder beside it")
    return groups
