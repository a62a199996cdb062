"""The data set folder ``<root>/<part>/<speaker>/*.wav`` (or flac, mp3, ogg), checked and listed.

Clips may lie deeper, as in the chapters of LibriSpeech.
An optional ``<root>/<part>/groups.csv`` (columns ``speaker,group``) names speakers that may be the
same person, such as the characters of one actor: two speakers of a group are never mixed.
"""

import csv
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from fqss_tf.data.bad_files import BadFilePolicy
from fqss_tf.data.clips import AUDIO_SUFFIXES, Clip, is_audio, is_visible_folder, read_clips
from fqss_tf.data.csv_cells import ENCODING, UNREADABLE, reason_of
from fqss_tf.data.manifest import manifest_mixtures
from fqss_tf.data.mixtures import FixedMixture
from fqss_tf.errors import FqssError
from fqss_tf.types import PathLike

PARTS = ("train", "dev", "test")
MANIFEST = "mixtures.csv"
GROUPS = "groups.csv"


@dataclass(frozen=True)
class Speaker:
    """The clips of one speaker; those with equal ``group`` are never mixed with each other."""

    name: str
    group: tuple[str, ...]
    clips: tuple[Clip, ...]


class SpeakerFolders:
    """Folders of clean speech, and the fixed mixtures that ``<part>/mixtures.csv`` may list.

    Args:
        root: the data set folder.
        bad_files: a ``BadFilePolicy``.
    """

    kind = "speaker folders"

    def __init__(self, root: PathLike, bad_files: BadFilePolicy | None = None) -> None:
        self.root = Path(root)
        self._bad_files = BadFilePolicy() if bad_files is None else bad_files
        self.parts = tuple(part for part in PARTS if (self.root / part).is_dir())

    def speakers(self, part: str) -> list[Speaker]:
        """Returns the speakers of ``<root>/<part>``; each has at least one clip.

        Raises:
            FqssError: naming the first thing that is missing, unreadable or unsupported.
        """
        folder = self.root / part
        if not folder.is_dir():
            raise FqssError(f"{folder}: no such folder; expected <speaker>/*.wav in it")
        names = sorted(entry.name for entry in folder.iterdir() if is_visible_folder(entry))
        if not names:
            raise FqssError(f"{folder}: holds no speaker folders; expected <speaker>/*.wav in it")
        groups = read_groups(folder / GROUPS, names)
        paths = {name: sorted(filter(is_audio, (folder / name).rglob("*"))) for name in names}
        clips = read_clips([path for each in paths.values() for path in each])
        speakers = []
        for name in names:
            if not paths[name]:
                suffixes = ", ".join(AUDIO_SUFFIXES)
                self._bad_files.report(f"{folder / name}: holds no {suffixes} files")
            good = tuple(self._good(clips[path] for path in paths[name]))
            if good:
                speakers.append(Speaker(name, group_of(self.root, name, groups), good))
        return speakers

    def mixtures(self, part: str) -> list[FixedMixture]:
        """Returns the fixed mixtures of ``<part>/mixtures.csv``; none without such a file."""
        path = self.root / part / MANIFEST
        return manifest_mixtures(path, self._bad_files) if path.exists() else []

    def noises(self, part: str) -> list[Clip]:
        """Returns an empty list: clean speech has no noise of its own."""
        return []

    def _good(self, clips: Iterable[Clip | FqssError]) -> Iterator[Clip]:
        for clip in clips:
            if isinstance(clip, FqssError):
                self._bad_files.report(str(clip))
            else:
                yield clip


def scan_speakers(
    roots: PathLike | Sequence[PathLike], part: str, bad_files: BadFilePolicy | None = None
) -> list[Speaker]:
    """Returns the speakers of ``<root>/<part>`` for one root or several.

    Args:
        roots: a folder, or a list of folders; equal speaker names in two roots are two speakers.
        part: 'train', 'dev' or 'test'.
        bad_files: a ``BadFilePolicy``; None raises at the first broken file.

    Returns:
        Speakers sorted by root, then folder name; each has at least one clip.

    Raises:
        FqssError: naming the first thing that is missing, unreadable or unsupported, or when
            there are not two speakers that may be mixed.
    """
    if isinstance(roots, str | Path):
        roots = [roots]
    speakers = [s for root in roots for s in SpeakerFolders(root, bad_files).speakers(part)]
    check_groups(speakers, 2, ", ".join(str(Path(root) / part) for root in roots))
    return speakers


def check_groups(speakers: Iterable[Speaker], sources: int, place: str) -> None:
    """Checks that ``speakers`` suffice for mixtures of so many ``sources``.

    Raises:
        FqssError: they do not; ``place`` names them.
    """
    if len({speaker.group for speaker in speakers}) < sources:
        number = {1: "one speaker", 2: "two speakers"}.get(sources, f"{sources} speakers")
        raise FqssError(f"{place}: mixing needs at least {number} (of different groups)")


def group_of(root: PathLike, name: str, groups: Mapping[str, str]) -> tuple[str, str, str]:
    """Returns the listed group of a speaker, else one of its own that equals no listed name."""
    group = ("group", groups[name]) if name in groups else ("speaker", name)
    return (str(root), *group)


def read_groups(path: Path, speaker_names: Collection[str] | None = None) -> dict[str, str]:
    """Reads {speaker: group} from a groups.csv; empty if there is no such file.

    Raises:
        FqssError: it cannot be read, a column is missing, or a speaker is not among
            ``speaker_names`` where those are given.
    """
    if not path.exists():
        return {}
    try:
        with open(path, newline="", encoding=ENCODING) as file:
            reader = csv.DictReader(file)
            if not {"speaker", "group"} <= set(reader.fieldnames or ()):
                raise FqssError(f"{path}: needs the columns speaker,group")
            # A speaker without one is a group for itself.
            groups = {row["speaker"]: row["group"] for row in reader if row["group"]}
    except UNREADABLE as error:
        raise FqssError(f"cannot read {path}: {reason_of(error)}") from error
    unknown = sorted(set(groups) - set(speaker_names or groups))
    if unknown:
        raise FqssError(f"{path}: names the speaker {unknown[0]}, which has no folder beside it")
    return groups


def write_groups(path: PathLike, groups: Mapping[str, str]) -> None:
    """Writes {speaker: group} as ``read_groups`` reads it."""
    with open(path, "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(("speaker", "group"))
        writer.writerows(sorted(groups.items()))
