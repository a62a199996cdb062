"""What a run writes for people: log.csv and TensorBoard."""

import csv
import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import tensorflow as tf

from fqss_tf.files import atomic_path
from fqss_tf.types import PathLike

COLUMNS = (
    "stage", "step", "loss", "dev_si_sdr", "learning_rate", "seconds", "skipped",
    "integer_si_sdr", "integer_gap",
)


@dataclasses.dataclass(frozen=True)
class Evaluation:
    """One evaluation on the dev set; None where there is nothing to say yet.

    Args:
        stage: its name.
        step: the step after which it was made.
        loss: mean over the steps since the evaluation before.
        dev_si_sdr: mean over the dev mixtures, dB.
        learning_rate: of the last step.
        seconds: of training so far.
        skipped: steps without an update so far.
        integer_si_sdr: the same of the integer model, dB.
        integer_gap: that minus the simulation's in the same segments, dB.
    """

    stage: str
    step: int
    loss: float | None
    dev_si_sdr: float
    learning_rate: float
    seconds: float
    skipped: int
    integer_si_sdr: float | None = None
    integer_gap: float | None = None


class CsvLog:
    """log.csv, one row per evaluation of any stage."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def rewind(self, stage: str, step: int) -> None:
        """Drops the rows of ``stage`` after ``step``: a checkpoint of that step is resumed."""
        rows = []
        if self.path.exists():
            with self.path.open(newline="") as file:
                rows = [row for row in csv.DictReader(file) if _is_kept(row, stage, step)]
        with atomic_path(self.path) as temporary, temporary.open("w", newline="") as file:
            writer = csv.DictWriter(file, COLUMNS, restval="", extrasaction="ignore")
            writer.writeheader()
            writer.writerows(rows)

    def write(self, evaluation: Evaluation) -> None:
        """Appends an Evaluation."""
        values = dataclasses.astuple(evaluation)
        row = [f"{value:.6g}" if isinstance(value, float) else value for value in values]
        with self.path.open("a", newline="") as file:
            csv.writer(file).writerow(row)


def _is_kept(row: Mapping[str, Any], stage: str, step: int) -> bool:
    if None in row.values():
        return False  # cut off while it was written
    return row["stage"] != stage or int(row["step"]) <= step


class TensorBoard:
    """Curves of one stage, in a folder of event files."""

    def __init__(self, folder: PathLike) -> None:
        self._writer = tf.summary.create_file_writer(str(folder))

    def write(self, evaluation: Evaluation, ranges: Mapping[str, tuple[float, float]]) -> None:
        """Adds an Evaluation and the (minimum, maximum) of quantizers by tensor."""
        curves = {
            field: value for field, value in dataclasses.asdict(evaluation).items()
            if value is not None and field not in ("stage", "step")
        }
        with self._writer.as_default(step=evaluation.step):
            for name, value in curves.items():
                tf.summary.scalar(name, value)
            for tensor, (low, high) in ranges.items():
                tf.summary.scalar(f"minimum/{tensor}", low)
                tf.summary.scalar(f"maximum/{tensor}", high)
        self._writer.flush()
