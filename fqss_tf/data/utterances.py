"""Speakers and their utterances: clips of a useful length, cut from long or joined from short."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from fqss_tf.audio.files import resample
from fqss_tf.data.bad_files import BadFilePolicy
from fqss_tf.data.clips import is_audio, read_clips
from fqss_tf.data.folders import PARTS, Speaker, SpeakerFolders
from fqss_tf.data.mixtures import Piece
from fqss_tf.errors import FqssError
from fqss_tf.types import PathLike, Waveform


@dataclass(frozen=True)
class Utterance:
    """Parts of clips of one speaker, to be played one after the other.

    ``name`` begins with the label of the speaker and a dash, and has no underscore.
    """

    name: str
    group: tuple[str, ...]
    parts: tuple[Piece, ...]

    @property
    def label(self) -> str:
        """What the name says of the speaker."""
        return self.name.partition("-")[0]

    def read(self, rate: int) -> Waveform:
        """Reads float32 [samples] at ``rate`` Hz, channels averaged.

        Raises:
            FqssError: a clip cannot be decoded.
        """
        return np.concatenate([
            resample(part.read(), part.clip.rate, rate) for part in self.parts
        ])


def find_speakers(
    folders: Iterable[PathLike], bad_files: BadFilePolicy
) -> dict[str, list[Speaker]]:
    """Finds speakers, with or without parts.

    Args:
        folders: each one of: a data set of speaker folders with ``train``, ``dev``, ``test``; a
            folder of speaker folders, clips at any depth in them; a folder of files named
            ``<speaker>-<rest>``, as LibriSpeech names them.
        bad_files: a ``BadFilePolicy``.

    Returns:
        {part: list of Speaker}, or {"": list of Speaker} where no folder has parts.

    Raises:
        FqssError: a folder is missing, holds no speakers, or some have parts and some have not.
    """
    found: dict[str, list[Speaker]] = {}
    for folder in map(Path, folders):
        if not folder.is_dir():
            raise FqssError(f"{folder}: no such folder; give folders of speakers")
        data_set = SpeakerFolders(folder, bad_files)
        if data_set.parts:
            for part in data_set.parts:
                found.setdefault(part, []).extend(data_set.speakers(part))
        else:
            found.setdefault("", []).extend(_speakers_in(folder, bad_files))
    if "" in found and len(found) > 1:
        raise FqssError(
            f"some of the folders have {', '.join(PARTS)} and some have not: mix them separately"
        )
    _check_disjoint(found)
    return found


def utterances_of(
    speaker: Speaker, label: str, rng: np.random.Generator, *, least_seconds: float,
    most_seconds: float,
) -> list[Utterance]:
    """Cuts and joins the clips of a speaker to utterances, in random order.

    Clips longer than ``most_seconds`` are cut; those shorter than ``least_seconds`` are joined
    until they are not; what remains too short is left out.
    """
    pieces: list[tuple[Piece, ...]] = []
    short: list[Piece] = []
    for index in rng.permutation(len(speaker.clips)):
        clip = speaker.clips[index]
        most = round(most_seconds * clip.rate)
        for start in range(0, clip.frames, most):
            samples = min(most, clip.frames - start)
            if samples >= least_seconds * clip.rate:
                pieces.append((Piece(clip, start, samples),))
            else:
                short.append(Piece(clip, start, samples))
    joined: list[Piece] = []
    seconds = 0.0
    for part in short:
        joined.append(part)
        seconds += part.seconds
        # 0.1 s and 0.7 s are 0.7999999999999999 s.
        if round(seconds, 6) >= least_seconds:
            pieces.append(tuple(joined))
            joined, seconds = [], 0.0
    return [
        Utterance(_name(label, parts, number), speaker.group, parts)
        for number, parts in enumerate(pieces)
    ]


def labels_of(speakers: Iterable[Speaker]) -> list[str]:
    """Labels each speaker without what a mixture_ID is split at: underscore and dash."""
    labels: list[str] = []
    for speaker in speakers:
        label = speaker.name.replace("_", ".").replace("-", ".")
        while label in labels:
            label += "+"
        labels.append(label)
    return labels


def _name(label: str, parts: Sequence[Piece], number: int) -> str:
    clip = parts[0].clip
    stem = Path(clip.path).stem
    if stem.startswith(f"{label}-") and "_" not in stem and parts[0].samples == clip.frames:
        return stem
    return f"{label}-{stem.replace('_', '.')[:60]}-{number:04d}"


def _speakers_in(folder: Path, bad_files: BadFilePolicy) -> list[Speaker]:
    names: dict[str, list[Path]] = {}
    for path in sorted(filter(is_audio, folder.rglob("*"))):
        first, *rest = path.relative_to(folder).parts
        if not rest:
            first, dash, _ = path.stem.partition("-")
            if not dash:
                raise FqssError(
                    f"{path}: does not tell its speaker; put it into a folder per speaker, or name "
                    "it <speaker>-<rest>"
                )
        names.setdefault(first, []).append(path)
    if not names:
        raise FqssError(f"{folder}: holds no speakers; expected <speaker>/*.wav in it")
    clips = read_clips([path for paths in names.values() for path in paths])
    speakers = []
    for name, paths in sorted(names.items()):
        good = []
        for path in paths:
            clip = clips[path]
            if isinstance(clip, FqssError):
                bad_files.report(str(clip))
            else:
                good.append(clip)
        if good:
            speakers.append(Speaker(name, (str(folder), "speaker", name), tuple(good)))
    return speakers


def _check_disjoint(found: Mapping[str, Iterable[Speaker]]) -> None:
    seen: dict[tuple[str, str], str] = {}
    for part, speakers in found.items():
        for speaker in speakers:
            other = seen.setdefault((speaker.group[0], speaker.name), part)
            if other != part:
                raise FqssError(
                    f"speaker {speaker.name} is in {other} and in {part}: keep the parts apart"
                )
