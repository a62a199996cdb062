"""Fixed mixtures for scoring: a CSV that says which clips to add up, and the mixtures it makes.

Columns: ``mixture_id, level_difference`` (dB, source 1 over source 2), then for both sources
``path_i`` (relative to the CSV's folder), ``start_i`` (samples at the set's rate) and ``gain_i``
(linear), and ``samples``. The mixture is the sum of gain * segment.
"""

import csv
from dataclasses import asdict, dataclass, fields
from pathlib import Path

import numpy as np
import soundfile

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


def load_mixture(folder, mixture):
    """Reads and mixes one mixture.

    Args:
        folder: the folder of the manifest.
        mixture: a ``Mixture``.

    Returns:
        (mixture float32 [samples], sources float32 [2, samples], rate in Hz); the sources add up
        to the mixture.

    Raises:
        FqssError: a clip is missing, too short, not mono, or the two rates differ.
    """
    folder = Path(folder)
    first, rate = _read_segment(folder / mixture.path_1, mixture.start_1, mixture.samples)
    second, second_rate = _read_segment(folder / mixture.path_2, mixture.start_2, mixture.samples)
    if rate != second_rate:
        raise FqssError(
            f"{folder / mixture.path_2}: has {second_rate} Hz but {mixture.path_1} has {rate} Hz"
        )
    sources = np.stack([first * mixture.gain_1, second * mixture.gain_2]).astype(np.float32)
    return sources.sum(axis=0), sources, rate


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


def _read_segment(path, start, samples):
    try:
        segment, rate = soundfile.read(str(path), samples, start, dtype="float64")
    except (soundfile.LibsndfileError, OSError) as error:
        raise FqssError(f"{path}: cannot be read as audio; the manifest names it") from error
    if segment.ndim != 1:
        raise FqssError(f"{path}: has {segment.shape[1]} channels; mixtures are made of mono clips")
    if len(segment) != samples:
        raise FqssError(f"{path}: is too short for {samples} samples from sample {start}")
    return segment, rate
