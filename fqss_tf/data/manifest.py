"""Fixed mixtures for scoring: a CSV that says which clips to add up, and the mixtures it makes.

Columns: ``mixture_id, level_difference`` (dB, source 1 over source 2), then for both sources
``path_i`` (relative to the CSV's folder), ``start_i`` (samples at the set's rate) and ``gain_i``
(linear), and ``samples``. The mixture is the sum of gain * segment.
"""

import csv
from dataclasses import asdict, dataclass, fields
from pathlib import Path

from fqss_tf.data.clips import read_clips
from fqss_tf.data.mixtures import FixedMixture, Piece
from fqss_tf.errors import FqssError
from fqss_tf.files import atomic_path


@dataclass(frozen=True)
class Mixture:
    """One row of the manifest; the fields are its columns."""

    mixture_id: str
    level_difference: float
    path_1: str
    start_1: int
    gain_1: float
    path_2: str
    start_2: int
    gain_2: float
    samples: int


COLUMNS = tuple(field.name for field in fields(Mixture))


def write_manifest(path, mixtures):
    """Writes mixtures to a CSV file, replacing it.

    Raises:
        FqssError: the file cannot be written.
    """
    with atomic_path(path) as temporary:
        with open(temporary, "w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
            writer.writeheader()
            writer.writerows(asdict(mixture) for mixture in mixtures)


def read_manifest(path):
    """Reads the mixtures of a CSV file, in its order.

    Raises:
        FqssError: the file is missing, lacks a column, has a value of the wrong kind or no rows.
    """
    path = Path(path)
    try:
        with open(path, newline="", encoding="utf-8") as file:
            reader = csv.DictReader(file)
            missing = [name for name in COLUMNS if name not in (reader.fieldnames or ())]
            if missing:
                raise FqssError(f"{path}: lacks the column {missing[0]}")
            mixtures = [_parse(path, reader.line_num, row) for row in reader]
    except OSError as error:
        raise FqssError(f"cannot read {path}: {error.strerror or error}") from error
    except UnicodeDecodeError as error:
        raise FqssError(f"{path}: is not a text file; expected a manifest CSV") from error
    if not mixtures:
        raise FqssError(f"{path}: lists no mixtures")
    return mixtures


def manifest_mixtures(path, broken):
    """The mixtures of a CSV file with their clips looked up.

    Args:
        path: of the CSV file.
        broken: a ``BrokenData`` that hears of rows that cannot be used.

    Returns:
        A list of ``FixedMixture``.

    Raises:
        FqssError: as ``read_manifest``; naming the first row, if ``broken`` says so, with a clip
            that is missing, too short or not mono, or with clips of two rates.
    """
    path = Path(path)
    rows = read_manifest(path)
    files = [[path.parent / row.path_1, path.parent / row.path_2] for row in rows]
    clips = read_clips([file for pair in files for file in pair])
    mixtures = []
    for line, (row, pair) in enumerate(zip(rows, files, strict=True), 2):
        try:
            mixtures.append(_fixed(row, [clips[file] for file in pair]))
        except FqssError as error:
            broken.report(f"{path}, line {line}: {error}")
    return mixtures


def _fixed(mixture, clips):
    for clip in clips:
        if isinstance(clip, FqssError):
            raise clip
    paths = (mixture.path_1, mixture.path_2)
    starts = (mixture.start_1, mixture.start_2)
    for clip, start in zip(clips, starts, strict=True):
        if clip.channels != 1:
            raise FqssError(
                f"{clip.path}: has {clip.channels} channels; mixtures are made of mono clips"
            )
        if start < 0 or mixture.samples < 1 or clip.frames < start + mixture.samples:
            raise FqssError(
                f"{clip.path}: is too short for {mixture.samples} samples from sample {start}"
            )
    if clips[0].rate != clips[1].rate:
        raise FqssError(
            f"{clips[1].path}: has {clips[1].rate} Hz but {mixture.path_1} has {clips[0].rate} Hz"
        )
    gains = (mixture.gain_1, mixture.gain_2)
    return FixedMixture(
        mixture_id=mixture.mixture_id,
        sources=tuple(
            Piece(clip, start, mixture.samples, gain)
            for clip, start, gain in zip(clips, starts, gains, strict=True)
        ),
        labels=tuple(Path(name).parent.name for name in paths),
    )


def _parse(path, line, row):
    values = {}
    for field in fields(Mixture):
        try:
            values[field.name] = field.type(row[field.name])
        except (TypeError, ValueError) as error:
            raise FqssError(
                f"{path}, line {line}: {field.name} is {row[field.name]!r}, "
                f"expected a value of type {field.type.__name__}"
            ) from error
    return Mixture(**values)
