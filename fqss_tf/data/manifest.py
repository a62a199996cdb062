"""Fixed mixtures for scoring: a CSV that says which clips to add up, and the mixtures it makes.

Columns: ``mixture_id, level_difference`` (dB, source 1 over source 2; may be missing for one
source), then for each source i = 1, 2, .. ``path_i`` (relative to the CSV's folder), ``start_i``
(samples at the set's rate) and ``gain_i`` (linear), ``samples``, and perhaps ``noise_path,
noise_start, noise_gain``, and ``kind``, a word for what is mixed, such as ``music``. The mixture is
the sum of gain * segment; an empty ``noise_path`` is no noise.
"""

import csv
import itertools
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from fqss_tf.data.bad_files import BadFilePolicy
from fqss_tf.data.clips import Clip, read_clips, usable
from fqss_tf.data.csv_cells import (
    ENCODING,
    UNREADABLE,
    finite_number,
    portable_path,
    reason_of,
    whole_number,
)
from fqss_tf.data.mixtures import FixedMixture, Piece
from fqss_tf.errors import FqssError
from fqss_tf.files import atomic_path
from fqss_tf.types import PathLike

NOISE_COLUMNS = ("noise_path", "noise_start", "noise_gain")
_Cell = TypeVar("_Cell", str, int, float)


@dataclass(frozen=True)
class Segment:
    """A part of a clip: its path, its first sample and a linear gain."""

    path: str
    start: int
    gain: float


@dataclass(frozen=True)
class Mixture:
    """One row of the manifest; ``sources`` are Segments, ``noise`` is one or None."""

    mixture_id: str
    level_difference: float
    sources: tuple[Segment, ...]
    samples: int
    noise: Segment | None = None
    kind: str = ""

    @property
    def segments(self) -> tuple[Segment, ...]:
        """Those of the sources, then of the noise where there is one."""
        return (*self.sources, *((self.noise,) if self.noise else ()))


def mixture_of_two(
    mixture_id: str, level_difference: float, path_1: str, start_1: int, gain_1: float,
    path_2: str, start_2: int, gain_2: float, samples: int,
) -> Mixture:
    """Makes the row of two sources without noise; the arguments are its columns."""
    sources = (Segment(path_1, start_1, gain_1), Segment(path_2, start_2, gain_2))
    return Mixture(mixture_id, level_difference, sources, samples)


def columns(sources: int, noise: bool = False, kind: bool = False) -> tuple[str, ...]:
    """Names the columns of mixtures of so many sources, with noise and a kind or without."""
    of_sources = (
        f"{name}_{number}" for number in range(1, sources + 1) for name in ("path", "start", "gain")
    )
    return (
        "mixture_id", "level_difference", *of_sources, "samples", *(NOISE_COLUMNS if noise else ()),
        *(("kind",) if kind else ()),
    )


def write_manifest(path: PathLike, mixtures: Sequence[Mixture]) -> None:
    """Writes mixtures, all of as many sources, to a CSV file, replacing it.

    Raises:
        FqssError: the file cannot be written.
    """
    with atomic_path(path) as temporary:
        with open(temporary, "w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file, lineterminator="\n")
            noise = any(mixture.noise for mixture in mixtures)
            kind = any(mixture.kind for mixture in mixtures)
            writer.writerow(columns(len(mixtures[0].sources), noise, kind))
            writer.writerows(_cells(mixture, noise, kind) for mixture in mixtures)


def read_manifest(path: PathLike) -> list[Mixture]:
    """Reads the mixtures of a CSV file, in its order.

    Raises:
        FqssError: the file is missing, lacks a column, has a value of the wrong kind or no rows.
    """
    return [mixture for _, mixture in _rows(Path(path))]


def _rows(path: Path) -> list[tuple[int, Mixture]]:
    """(line, mixture) of each row: the reader passes over empty lines."""
    try:
        with open(path, newline="", encoding=ENCODING) as file:
            reader = csv.DictReader(file)
            sources = _sources_named(path, reader.fieldnames or ())
            mixtures = [
                (reader.line_num, _parse(path, reader.line_num, row, sources)) for row in reader
            ]
    except UNREADABLE as error:
        raise FqssError(f"cannot read {path}: {reason_of(error)}") from error
    if not mixtures:
        raise FqssError(f"{path}: lists no mixtures")
    return mixtures


def manifest_mixtures(path: PathLike, bad_files: BadFilePolicy) -> list[FixedMixture]:
    """Reads the mixtures of a CSV file and looks up their clips.

    Args:
        path: of the CSV file.
        bad_files: a ``BadFilePolicy`` that hears of rows that cannot be used.

    Returns:
        A list of ``FixedMixture``.

    Raises:
        FqssError: as ``read_manifest``; naming the first row, if ``bad_files`` says so, with a clip
            that is missing, too short or not mono, or with clips of two rates.
    """
    path = Path(path)
    rows = _rows(path)
    files = [[path.parent / segment.path for segment in row.segments] for _, row in rows]
    clips = read_clips([file for row_files in files for file in row_files])
    mixtures = []
    for (line, row), row_files in zip(rows, files, strict=True):
        try:
            mixtures.append(_fixed(row, [clips[file] for file in row_files]))
        except FqssError as error:
            bad_files.report(f"{path}, line {line}: {error}")
    return mixtures


def _fixed(mixture: Mixture, found: Sequence[Clip | FqssError]) -> FixedMixture:
    clips = [usable(clip) for clip in found]
    if len(clips) < 2:
        raise FqssError(
            f"{mixture.mixture_id} is one source and nothing else; one source needs a noise in the "
            f"columns {', '.join(NOISE_COLUMNS)}"
        )
    for clip, segment in zip(clips, mixture.segments, strict=True):
        if clip.channels != 1:
            raise FqssError(
                f"{clip.path}: has {clip.channels} channels; mixtures are made of mono clips"
            )
        if segment.start < 0 or mixture.samples < 1 or (
            clip.frames < segment.start + mixture.samples
        ):
            raise FqssError(
                f"{clip.path}: is too short for {mixture.samples} samples from sample "
                f"{segment.start}"
            )
        if clip.rate != clips[0].rate:
            raise FqssError(
                f"{clip.path}: has {clip.rate} Hz but {mixture.sources[0].path} has "
                f"{clips[0].rate} Hz"
            )
    pieces = [
        Piece(clip, segment.start, mixture.samples, segment.gain)
        for clip, segment in zip(clips, mixture.segments, strict=True)
    ]
    count = len(mixture.sources)
    return FixedMixture(
        mixture_id=mixture.mixture_id,
        sources=tuple(pieces[:count]),
        labels=tuple(Path(source.path).parent.name for source in mixture.sources),
        noise=pieces[count] if mixture.noise else None,
    )


def _sources_named(path: Path, names: Collection[str]) -> int:
    """Counts the sources that the columns are of.

    Raises:
        FqssError: one that must be there is missing.
    """
    sources = next(number for number in itertools.count() if f"path_{number + 1}" not in names)
    needed = columns(max(sources, 1), any(name in names for name in NOISE_COLUMNS))
    missing = [
        name for name in needed
        if name not in names and not (name == "level_difference" and sources < 2)
    ]
    if missing:
        raise FqssError(f"{path}: lacks the column {missing[0]}")
    return sources


def _cells(mixture: Mixture, noise: bool, kind: bool) -> list[object]:
    cells: list[object] = [mixture.mixture_id, mixture.level_difference]
    for source in mixture.sources:
        cells += [source.path, source.start, source.gain]
    cells.append(mixture.samples)
    if noise:
        part = mixture.noise
        cells += [part.path, part.start, part.gain] if part else ["", "", ""]
    return [*cells, mixture.kind] if kind else cells


def _parse(path: Path, line: int, row: Mapping[str, Any], sources: int) -> Mixture:
    def value(name: str, kind: type[_Cell]) -> _Cell:
        read: Callable[[str], Any] = {int: whole_number, float: finite_number}.get(kind, kind)
        try:
            return read(row[name])
        except (TypeError, ValueError, OverflowError) as error:
            raise FqssError(
                f"{path}, line {line}: {name} is {row[name]!r}, "
                f"expected a value of type {kind.__name__}"
            ) from error

    def segment(pattern: str) -> Segment:
        text = row[pattern.format("path")]
        if not text:
            raise FqssError(f"{path}, line {line}: {pattern.format('path')} is empty")
        start, gain = value(pattern.format("start"), int), value(pattern.format("gain"), float)
        return Segment(portable_path(text), start, gain)

    return Mixture(
        mixture_id=value("mixture_id", str),
        level_difference=value("level_difference", float) if "level_difference" in row else 0.0,
        sources=tuple(segment(f"{{}}_{number}") for number in range(1, sources + 1)),
        samples=value("samples", int),
        noise=segment("noise_{}") if row.get("noise_path") else None,
        kind=row.get("kind") or "",
    )
