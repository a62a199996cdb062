"""How fast the training pipeline delivers mixtures when nothing waits for it."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fqss_tf.config import Recipe
    from fqss_tf.types import OnProgress


@dataclass(frozen=True)
class Throughput:
    """``audio_seconds`` of mixtures took ``wall_seconds``, and ``cpu_seconds`` of this process.

    ``scan_seconds`` went by before for the headers of the files, then ``first_batch_seconds`` until
    the first batch.
    """

    audio_seconds: float
    wall_seconds: float
    cpu_seconds: float
    scan_seconds: float
    first_batch_seconds: float

    @property
    def times_real_time(self) -> float:
        """Seconds of mixtures that are read in a second."""
        return self.audio_seconds / self.wall_seconds

    @property
    def cpu_seconds_per_audio_second(self) -> float:
        """Seconds of CPU time that a second of mixtures takes."""
        return self.cpu_seconds / self.audio_seconds


def measure_throughput(
    recipe: Recipe, seconds: float, progress: OnProgress | None = None
) -> Throughput:
    """Reads training batches of a recipe's float stage for so many seconds.

    Args:
        recipe: a ``Recipe``.
        seconds: to measure for.
        progress: called as ``progress(done, total)`` in seconds, if given.

    Returns:
        A ``Throughput``; opening the data and the batches that were read ahead do not count.

    Raises:
        FqssError: the data does not fit; see ``training_sources``.
    """
    from fqss_tf.data.bad_files import bad_files_named
    from fqss_tf.data.pipeline import PREFETCHED_BATCHES
    from fqss_tf.data.recipe_data import batches

    opened = time.monotonic()
    with bad_files_named():
        data_set = batches(recipe, recipe.float)
        scanned = time.monotonic()
        iterator = iter(data_set)
        next(iterator)
        first = time.monotonic()
        for _ in range(2 * PREFETCHED_BATCHES):
            next(iterator)
        started, cpu, audio_seconds = time.monotonic(), time.process_time(), 0.0
        while (passed := time.monotonic() - started) < seconds:
            mixture, _ = next(iterator)
            audio_seconds += mixture.shape[0] * mixture.shape[1] / recipe.data.sample_rate
            if progress is not None:
                progress(passed, seconds)
    return Throughput(
        audio_seconds=audio_seconds,
        wall_seconds=time.monotonic() - started,
        cpu_seconds=time.process_time() - cpu,
        scan_seconds=scanned - opened,
        first_batch_seconds=first - scanned,
    )
