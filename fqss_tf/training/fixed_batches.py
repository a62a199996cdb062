"""Training batches that are repeated, on disk with what the teacher made of them."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import tensorflow as tf
from numpy.typing import NDArray

from fqss_tf.data.bad_files import found_while_reading
from fqss_tf.errors import FqssError
from fqss_tf.progress import bar
from fqss_tf.runs.weights import read_arrays, write_arrays
from fqss_tf.types import Dataset, PathLike, Tensor

PREFETCHED_BATCHES = 4


class FixedBatches:
    """The first ``count`` batches of a stage, each in a file that is written whole or not at all.

    The teacher computes each of them once, for all times that they are repeated and for all
    continuations of the run.

    Args:
        folder: of the files.
        count: of batches, at least 1.
    """

    def __init__(self, folder: PathLike, count: int) -> None:
        self._folder = Path(folder)
        self._count = count

    def write_missing(
        self,
        batches: Callable[[int], Dataset],
        teacher: Callable[[Tensor], Tensor] | None = None,
    ) -> None:
        """Writes the batches that are not there yet.

        Args:
            batches: function first_batch -> tf.data.Dataset of (mixture [B, T], sources [B, S, T]).
            teacher: mixture [B, T] -> its estimates [B, S, T]; None for none.
        """
        self._folder.mkdir(exist_ok=True)
        first = 0
        while first < self._count and self._path(first).exists():
            first += 1
        if first == self._count:
            return
        estimate = None if teacher is None else tf.function(teacher, autograph=False)
        with bar("batches", self._count) as shown:
            shown.update(first)
            missing = batches(first).take(self._count - first)
            for number, (mixture, sources) in enumerate(missing, first):
                arrays = {"mixture": mixture.numpy(), "sources": sources.numpy()}
                if estimate is not None:
                    arrays["teacher"] = estimate(mixture).numpy()
                write_arrays(arrays, self._path(number))
                shown.update(1)

    def read(self, first_batch: int) -> Dataset:
        """Reads the written batches from number ``first_batch`` on, over and over.

        Returns:
            tf.data.Dataset of (mixture [B, T], sources [B, S, T]), and the teacher's estimates
            [B, S, T] if they were written, all float32. Iterating over it raises what
            ``bad_files_named`` turns into an FqssError.
        """
        shapes = [array.shape for array in self._arrays(0)]
        types = [tf.float32] * len(shapes)

        def load(number: Tensor) -> tuple[Tensor, ...]:
            arrays = tf.numpy_function(self._arrays, [number % self._count], types)
            return tuple(map(tf.ensure_shape, arrays, shapes))

        return tf.data.Dataset.counter(first_batch).map(load).prefetch(PREFETCHED_BATCHES)

    def _path(self, number: int) -> Path:
        return self._folder / f"{number}.npz"

    def _arrays(self, number: int) -> list[NDArray[Any]]:
        try:
            return list(read_arrays(self._path(number)).values())
        except FqssError as error:
            error = FqssError(f"{error}; remove it and go on with --resume")
            found_while_reading(error)
            raise error from None
