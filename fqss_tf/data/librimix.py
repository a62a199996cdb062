"""Libri2Mix and Libri3Mix as the LibriMix scripts write them (Cosentino et al. 2020).

``<root>/wav8k|wav16k/min|max/`` holds a folder for each subset (``train-360``, ``train-100``,
``dev``, ``test``) with ``mix_clean``, ``mix_both``, ``mix_single``, ``s1``, ``s2``, .. and
``noise`` in it, and ``metadata/mixture_<subset>_<mix>.csv`` with the columns ``mixture_ID,
mixture_path, source_1_path, .., noise_path, length`` (samples). The paths there are absolute, and
of the machine that made the set: only their last three parts are used.
"""

import csv
import re
from pathlib import Path

from fqss_tf.data.bad_files import BadFilePolicy
from fqss_tf.data.clips import Clip, read_clips, usable
from fqss_tf.data.csv_cells import (
    ENCODING,
    UNREADABLE,
    portable_path,
    reason_of,
    whole_number,
)
from fqss_tf.data.folders import GROUPS, PARTS, Speaker, group_of, read_groups
from fqss_tf.data.mixtures import FixedMixture, Piece
from fqss_tf.errors import FqssError
from fqss_tf.types import PathLike

# Of each task: the mixtures it takes apart, and how many of the speakers are its sources.
TASKS = {"sep_clean": "mix_clean", "sep_noisy": "mix_both", "enh_single": "mix_single"}
RATES = {"wav8k": 8000, "wav16k": 16000}
MODES = ("min", "max")


class LibriMix:
    """One rate and mode of a LibriMix tree.

    Args:
        root: the tree, its ``wav8k`` or ``wav16k``, or the ``min`` or ``max`` folder in there.
        sample_rate: Hz; None takes the only one that is there.
        task: ``sep_clean``, ``sep_noisy`` or ``enh_single``.
        mode: ``min`` or ``max``; empty prefers ``min``.
        subset: the training part, such as ``train-100``; empty takes all that are there.
        bad_files: a ``BadFilePolicy``.

    Raises:
        FqssError: naming the first thing that the tree lacks.
    """

    kind = "LibriMix"

    def __init__(
        self, root: PathLike, *, sample_rate: int | None = None, task: str = "sep_clean",
        mode: str = "", subset: str = "", bad_files: BadFilePolicy | None = None,
    ) -> None:
        self.root = Path(root)
        self._bad_files = BadFilePolicy() if bad_files is None else bad_files
        self.folder = _mode_folder(self.root, sample_rate, mode)
        self.sample_rate = RATES[self.folder.parent.name]
        self._mix = TASKS[task]
        self._subsets = self._find_subsets(subset)
        self.parts = tuple(part for part in PARTS if self._subsets[part])
        self._mixtures: dict[str, list[FixedMixture]] = {}

    def mixtures(self, part: str) -> list[FixedMixture]:
        """Returns the fixed mixtures of a part, in the order of the csv files.

        Raises:
            FqssError: naming the first broken row, if ``bad_files`` says so.
        """
        if part not in self._mixtures:
            if not self._subsets[part]:
                raise FqssError(f"{self._csv(part)}: is missing")
            self._mixtures[part] = [
                mixture for subset in self._subsets[part] for mixture in self._read(subset)
            ]
        return self._mixtures[part]

    def speakers(self, part: str) -> list[Speaker]:
        """Returns the sources of a part as the clips of their speakers, for mixing on the fly.

        Raises:
            FqssError: as ``mixtures``; or the mixture_ID does not tell who speaks.
        """
        clips: dict[str, list[Clip]] = {}
        for mixture in self.mixtures(part):
            if len(mixture.labels) != len(mixture.sources):
                raise FqssError(
                    f"{self.folder}: {mixture.mixture_id} does not name its speakers, "
                    "so they cannot be mixed anew; set data.dynamic_fraction=0"
                )
            for label, piece in zip(mixture.labels, mixture.sources, strict=True):
                clips.setdefault(label, []).append(piece.clip)
        groups = read_groups(self.folder / "metadata" / GROUPS)
        return [
            Speaker(name, group_of(self.root, name, groups), tuple(clips[name]))
            for name in sorted(clips)
        ]

    def noises(self, part: str) -> list[Clip]:
        """Returns the noise clips of a part; none for ``sep_clean``."""
        return [mixture.noise.clip for mixture in self.mixtures(part) if mixture.noise]

    def _csv(self, subset: str) -> Path:
        return self.folder / "metadata" / f"mixture_{subset}_{self._mix}.csv"

    def _find_subsets(self, wanted: str) -> dict[str, list[str]]:
        metadata = self.folder / "metadata"
        if not metadata.is_dir():
            raise FqssError(f"{metadata}: no such folder; the LibriMix scripts write it")
        names = sorted(
            match[1] for entry in metadata.iterdir()
            if (match := re.fullmatch(rf"mixture_(.+)_{self._mix}\.csv", entry.name))
        )
        if not names:
            raise FqssError(f"{self._csv('train-360')}: is missing, and so is every other part's")
        subsets = {part: [n for n in names if n.split("-")[0] == part] for part in PARTS}
        if wanted:
            if wanted not in subsets["train"]:
                raise FqssError(f"{self._csv(wanted)}: is missing; data.subset asks for it")
            subsets["train"] = [wanted]
        for subset in (name for part in PARTS for name in subsets[part]):
            for folder in (self._mix, "s1"):
                if not (self.folder / subset / folder).is_dir():
                    raise FqssError(
                        f"{self.folder / subset / folder}: no such folder, but "
                        f"{self._csv(subset).name} lists files of it"
                    )
        return subsets

    def _read(self, subset: str) -> list[FixedMixture]:
        path = self._csv(subset)
        rows, sources = _read_rows(path, noisy=self._mix != "mix_clean")
        if self._mix == "mix_single":
            sources = sources[:1]
        columns = (*sources, *(("noise_path",) if self._mix != "mix_clean" else ()), "mixture_path")
        files = [[self._file(row[column]) for column in columns] for _, row in rows]
        clips = read_clips([file for row in files for file in row])
        mixtures = []
        for (line, row), row_files in zip(rows, files, strict=True):
            try:
                pieces = [
                    self._piece(clips[file], row["length"]) for file in row_files
                ]
            except FqssError as error:
                self._bad_files.report(f"{path}, line {line}: {error}")
                continue
            mixtures.append(FixedMixture(
                mixture_id=row["mixture_ID"],
                sources=tuple(pieces[: len(sources)]),
                labels=_speakers_of(row["mixture_ID"])[: len(sources)],
                noise=pieces[-2] if self._mix != "mix_clean" else None,
                mixture=pieces[-1],
            ))
        return mixtures

    def _file(self, path: str) -> Path:
        return self.folder.joinpath(*Path(portable_path(path)).parts[-3:])

    def _piece(self, found: Clip | FqssError, length: str) -> Piece:
        clip = usable(found)
        if clip.rate != self.sample_rate:
            raise FqssError(
                f"{clip.path}: has {clip.rate} Hz in a tree of {self.sample_rate} Hz; replace it"
            )
        try:
            promised = whole_number(length)
        except (TypeError, ValueError, OverflowError) as error:
            raise FqssError(f"its length is {length!r}, expected a number of samples") from error
        if clip.frames != promised:
            raise FqssError(f"{clip.path}: has {clip.frames} samples but the row says {length}")
        return Piece(clip, 0, clip.frames)


def mode_folders(root: PathLike) -> list[Path]:
    """Finds every ``wav*/min|max`` folder of a LibriMix tree.

    ``root`` is the tree, its rate folder, or such a folder itself. There are none if it is
    anything else.
    """
    root = Path(root).absolute()
    if root.name in MODES and root.parent.name in RATES:
        return [root] if (root / "metadata").is_dir() else []
    rates = [root] if root.name in RATES else [root / rate for rate in RATES]
    return [rate / mode for rate in rates for mode in MODES if (rate / mode).is_dir()]


def _mode_folder(root: Path, sample_rate: int | None, mode: str) -> Path:
    found = mode_folders(root)
    if not found:
        raise FqssError(f"{root}: holds no wav8k/min, wav8k/max, wav16k/min or wav16k/max")
    fitting = found
    if sample_rate is not None:
        fitting = [folder for folder in found if RATES[folder.parent.name] == sample_rate]
        if not fitting:
            raise FqssError(
                f"{root}: holds no wav{sample_rate // 1000}k; set data.sample_rate="
                f"{RATES[found[0].parent.name]}"
            )
    if len({folder.parent for folder in fitting}) > 1:
        raise FqssError(f"{root}: holds wav8k and wav16k; name one of these folders")
    wanted = [folder for folder in fitting if mode in ("", folder.name)]
    if not wanted:
        raise FqssError(f"{fitting[0].parent / mode}: no such folder; data.mode asks for it")
    return wanted[0]


def _read_rows(path: Path, noisy: bool) -> tuple[list[tuple[int, dict[str, str]]], list[str]]:
    """Reads (line number, row) of each mixture, and the names of the source columns."""
    try:
        with open(path, newline="", encoding=ENCODING) as file:
            reader = csv.DictReader(file)
            names = reader.fieldnames or ()
            sources = [name for name in names if re.fullmatch(r"source_\d+_path", name)]
            needed = ["mixture_ID", "mixture_path", "source_1_path", "length"]
            for name in needed + ["noise_path"] * noisy:
                if name not in names:
                    raise FqssError(f"{path}: lacks the column {name}")
            rows = [(reader.line_num, row) for row in reader]
    except UNREADABLE as error:
        raise FqssError(f"cannot read {path}: {reason_of(error)}") from error
    if not rows:
        raise FqssError(f"{path}: lists no mixtures")
    for line, row in rows:
        empty = [name for name in (*needed, *sources) if not row[name]]
        if empty:
            raise FqssError(f"{path}, line {line}: {empty[0]} is empty")
    return rows, sources


def _speakers_of(mixture_id: str) -> tuple[str, ...]:
    """LibriMix joins ``<speaker>-<chapter>-<utterance>`` of all sources by underscores."""
    utterances = mixture_id.split("_")
    return tuple(utterance.split("-")[0] for utterance in utterances if "-" in utterance)
