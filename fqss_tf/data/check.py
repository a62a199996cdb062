"""Looks at all of a data set, not only up to the first thing that is wrong."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeAlias, TypedDict

from fqss_tf.audio.reader import Reader
from fqss_tf.data.bad_files import BadFilePolicy
from fqss_tf.data.bundled import data_root
from fqss_tf.data.clips import Clip
from fqss_tf.data.folders import PARTS, Speaker
from fqss_tf.data.librimix import TASKS, LibriMix, mode_folders
from fqss_tf.data.sets import DataSet, open_data_set
from fqss_tf.data.source_folders import SourceFolders
from fqss_tf.errors import FqssError
from fqss_tf.types import OnProgress, PathLike

# A name, and a length in samples where the name alone says too little.
_Identity: TypeAlias = tuple[str, int]


class PartCounts(TypedDict):
    """How many speakers, clips and fixed mixtures a part has; ``place`` names its data set."""

    place: str
    part: str
    speakers: int
    clips: int
    mixtures: int


@dataclass
class Report:
    """What a data set holds, and lines that name its ``problems``."""

    kind: str
    parts: list[PartCounts] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    files: int = 0


def check_data_set(
    root: PathLike, *, decode: bool = True, progress: OnProgress | None = None
) -> Report:
    """Checks the tree, every header and, with ``decode``, every sample.

    Args:
        root: a data set folder of any kind, or ``bundled``.
        decode: False stops at the headers.
        progress: called as ``progress(done, total)`` after each decoded file, if given.

    Returns:
        A ``Report``.

    Raises:
        FqssError: the tree itself is wrong, so that there is nothing to look at.
    """
    bad_files = BadFilePolicy("collect")
    report = Report("")
    paths: dict[str, object] = {}  # only its keys count: a set that keeps its order
    for place, data_set in every_set(root, bad_files):
        report.kind = data_set.kind
        known: dict[str, set[_Identity]] = {}
        for part in data_set.parts:
            listed = data_set.speakers(part)
            mixtures = data_set.mixtures(part)
            known[part] = {each for speaker in listed for each in _identities(data_set, speaker)}
            clips = [clip for speaker in listed for clip in speaker.clips]
            report.parts.append({
                "place": place, "part": part, "speakers": len(listed), "clips": len(clips),
                "mixtures": len(mixtures),
            })
            paths |= dict.fromkeys(clip.path for clip in clips)
            paths |= dict.fromkeys(p.clip.path for mixture in mixtures for p in mixture.pieces)
            for line in _other_rates(clips):
                bad_files.report(line)
        for line in _in_two_parts(data_set, known):
            bad_files.report(line)
    report.files = len(paths)
    if decode:
        for done, path in enumerate(paths, 1):
            _decode(path, bad_files)
            if progress is not None:
                progress(done, len(paths))
    report.problems = bad_files.lines
    return report


def every_set(root: PathLike, bad_files: BadFilePolicy) -> Iterator[tuple[str, DataSet]]:
    """Opens the data set, or of LibriMix one for each mode and task.

    Args:
        root: a data set folder of any kind, or ``bundled``.
        bad_files: hears of broken files.

    Yields:
        (name of the place, data set).

    Raises:
        FqssError: as ``open_data_set``.
    """
    folders = mode_folders(data_root(root))
    if not folders:
        yield str(root), open_data_set(root, bad_files=bad_files)
    for folder in folders:
        tasks = [
            task for task, mix in TASKS.items()
            if any((folder / "metadata").glob(f"mixture_*_{mix}.csv"))
        ] or list(TASKS)[:1]
        for task in tasks:
            place = f"{folder.parent.name}/{folder.name} {task}"
            yield place, LibriMix(folder, task=task, bad_files=bad_files)


def _identities(data_set: DataSet, speaker: Speaker) -> Iterator[_Identity]:
    """What must not be in two parts: a speaker; of named sources a file of one name and length.

    A folder in those may be a kind of sound, such as music, which every part has.
    """
    if not isinstance(data_set, SourceFolders):
        yield f"speaker {speaker.name}", 0
        return
    for clip in speaker.clips:
        yield f"{speaker.name}: {Path(clip.path).name}", clip.frames


def _other_rates(clips: Sequence[Clip]) -> Iterator[str]:
    """Training resamples these, but what was recorded at a lower rate lacks the treble."""
    rates = Counter(clip.rate for clip in clips)
    usual = rates.most_common(1)[0][0] if rates else None
    for clip in clips:
        if clip.rate != usual:
            yield f"{clip.path}: has {clip.rate} Hz, most clips have {usual} Hz; resample it"


def _in_two_parts(
    data_set: DataSet, known: Mapping[str, set[_Identity]]
) -> Iterator[str]:
    for number, part in enumerate(PARTS):
        for other in PARTS[number + 1 :]:
            both = sorted(known.get(part, set()) & known.get(other, set()))
            if both:
                more = f" and {len(both) - 1} more" if len(both) > 1 else ""
                yield f"{data_set.root}: {both[0][0]}{more} is in {part} and in {other}"


def _decode(path: str, bad_files: BadFilePolicy) -> None:
    try:
        with Reader(path) as file:
            for _ in file.blocks():
                pass
    except FqssError as error:
        bad_files.report(str(error))
