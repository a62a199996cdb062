"""Training on several GPUs or machines by tf.distribute: who computes what, and who writes."""

import contextlib
import json
import os
from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

import numpy as np
import tensorflow as tf

from fqss_tf.errors import FqssError
from fqss_tf.types import Dataset, KerasModel, Tensor

Item = TypeVar("Item")
KINDS = ("none", "mirrored", "multiworker")
LOST_CONNECTION = (
    tf.errors.AbortedError,
    tf.errors.CancelledError,
    tf.errors.DeadlineExceededError,
    tf.errors.UnavailableError,
)


class Distribution:
    """This process's part in the training.

    ``none``: one device. ``mirrored``: all GPUs of this machine. ``multiworker``: all machines of
    ``TF_CONFIG`` and their GPUs; every machine runs the same command.

    Args:
        kind: one of ``KINDS``. For ``multiworker`` it must be made before TensorFlow computes.

    Raises:
        FqssError: unknown kind; ``multiworker`` without a ``TF_CONFIG`` that names the workers.
    """

    def __init__(self, kind: str = "none") -> None:
        if kind not in KINDS:
            raise FqssError(f"distribution {kind!r} is unknown: use one of {', '.join(KINDS)}")
        self.worker, self.workers = 0, 1
        if kind == "none":
            self.strategy = tf.distribute.get_strategy()
        elif kind == "mirrored":
            self.strategy = tf.distribute.MirroredStrategy()
        else:
            self.worker, self.workers = _place_in_cluster()
            self.strategy = tf.distribute.MultiWorkerMirroredStrategy()
        self._sum_over_workers = tf.function(
            self._sum_over_workers_graph, autograph=False, reduce_retracing=True
        )

    @property
    def replicas(self) -> int:
        """Devices that train, over all workers."""
        return self.strategy.num_replicas_in_sync

    @property
    def is_chief(self) -> bool:
        """Whether this process writes files and talks; worker 0 does."""
        return self.worker == 0

    def check_batch_size(self, batch_size: int) -> None:
        """Checks that a batch can be shared out evenly.

        Raises:
            FqssError: it cannot.
        """
        if batch_size % self.replicas:
            raise FqssError(
                f"batch_size {batch_size} cannot be shared out to {self.replicas} devices: "
                f"make it a multiple"
            )

    def distribute(self, batches: Dataset) -> Dataset:
        """Shares out batches (mixture [B, T], sources [B, S, T]): each replica gets its rows.

        Every worker reads whole batches and keeps its rows.
        """
        if self.replicas == 1:
            return batches
        return self.strategy.distribute_datasets_from_function(
            lambda context: batches.flat_map(self._rows_of_replicas)
        )

    def _rows_of_replicas(self, *batch: Tensor) -> Dataset:
        """A dataset with the rows of each replica of this worker in turn."""
        def parts(tensor: Tensor) -> Tensor:
            rows = tf.reshape(tensor, [self.replicas, -1, *tensor.shape[1:]])
            own = self.replicas // self.workers
            return rows[self.worker * own : (self.worker + 1) * own]

        return tf.data.Dataset.from_tensor_slices(tuple(parts(tensor) for tensor in batch))

    def share(self, items: Sequence[Item]) -> Sequence[Item]:
        """Returns this worker's share of a list."""
        return items[self.worker :: self.workers]

    def mean(self, values: Sequence[float]) -> float:
        """Returns the mean of all workers' floats."""
        if self.workers == 1:
            return float(np.mean(values))
        total, count = self._all_reduce([float(np.sum(values)), float(len(values))])
        return total / count

    def wait(self) -> None:
        """Returns when all workers have come to this point."""
        if self.workers > 1:
            self._all_reduce([0.0])

    def _all_reduce(self, values: Sequence[float]) -> list[float]:
        reduced = self._sum_over_workers(tf.constant(values, tf.float64))
        return self.strategy.experimental_local_results(reduced)[0].numpy().tolist()

    def _sum_over_workers_graph(self, values: Tensor) -> Tensor:
        def reduce(values: Tensor) -> Tensor:
            own = values * (self.workers / self.replicas)
            context = tf.distribute.get_replica_context()
            return context.all_reduce(tf.distribute.ReduceOp.SUM, own)

        return self.strategy.run(reduce, (values,))

    def on_first_replica(self, model: KerasModel) -> Callable[..., Tensor]:
        """Returns ``model`` as a function for outside of a step; every replica gives the same."""
        if self.replicas == 1:
            return model

        def call(mixture: Tensor, training: bool) -> Tensor:
            outputs = self.strategy.run(model, (mixture,), {"training": training})
            return self.strategy.experimental_local_results(outputs)[0]

        return call

    @contextlib.contextmanager
    def named_loss_of_workers(self) -> Iterator[None]:
        """Turns what TensorFlow raises when another worker dies into an FqssError."""
        try:
            yield
        except LOST_CONNECTION as error:
            if self.workers == 1:
                raise
            raise FqssError(
                f"worker {self.worker} of {self.workers} lost another one "
                f"({type(error).__name__}): start all of them again with --resume"
            ) from error


def _place_in_cluster() -> tuple[int, int]:
    """(number of this worker, number of workers) by TF_CONFIG."""
    text = os.environ.get("TF_CONFIG")
    if not text:
        raise FqssError("--distribute multiworker needs TF_CONFIG: see docs/guide/distribution.md")
    try:
        config = json.loads(text)
        workers, index = config["cluster"]["worker"], config["task"]["index"]
        if config["task"]["type"] != "worker" or not 0 <= index < len(workers):
            raise ValueError("the task is not one of the workers")
    except (ValueError, KeyError, TypeError) as error:
        raise FqssError(
            f"TF_CONFIG names no worker of a cluster ({error!r}): see docs/guide/distribution.md"
        ) from error
    return index, len(workers)
