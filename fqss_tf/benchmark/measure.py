"""Latencies of several models, taken in turn, each in a process of its own."""

import contextlib
import dataclasses
import statistics
import time
from collections.abc import Sequence
from typing import NoReturn

import numpy as np

from fqss_tf.benchmark.apart import Apart, Channel
from fqss_tf.benchmark.memory import peak_bytes
from fqss_tf.benchmark.subjects import Subject
from fqss_tf.types import OnProgress

WARM_UP = 3


@dataclasses.dataclass(frozen=True)
class Measurement:
    """Latencies of one model in ms, and its memory.

    ``memory_bytes``: by how much loading and running it raised the peak of its process; None where
    the system does not say.
    """

    subject: Subject
    threads: int
    milliseconds: tuple[float, ...]
    memory_bytes: int | None

    @property
    def least(self) -> float:
        """The smallest latency in ms."""
        return min(self.milliseconds)

    @property
    def median(self) -> float:
        """The median latency in ms."""
        return statistics.median(self.milliseconds)

    @property
    def p95(self) -> float:
        """The latency in ms that 95 % of the invocations stay within."""
        return float(np.percentile(self.milliseconds, 95))

    @property
    def p99(self) -> float:
        """The latency in ms that 99 % of the invocations stay within."""
        return float(np.percentile(self.milliseconds, 99))

    @property
    def typical(self) -> float:
        """The latency in ms that stands for all."""
        return self.median

    def times(self) -> dict[str, float | None]:
        """Gives latencies in ms and what follows from them, by name, for JSON."""
        return {
            "median_ms": self.median,
            "min_ms": self.least,
            "p95_ms": self.p95,
            "p99_ms": self.p99,
            "gmacs_per_second": self.gmacs_per_second,
            "gmacs_per_audio_second": self.gmacs_per_audio_second,
        }

    @property
    def real_time_factor(self) -> float | None:
        """Median latency over the duration of the segment; below 1 is faster than real time."""
        seconds = self.subject.seconds
        return None if seconds is None else self.typical / 1000 / seconds

    @property
    def gmacs_per_second(self) -> float | None:
        """Multiply-accumulates computed in a second of the median latency, in 10^9."""
        macs = self.subject.macs
        return macs / self.median / 1e6 if macs else None

    @property
    def gmacs_per_audio_second(self) -> float | None:
        """Multiply-accumulates for a second of audio, in 10^9: the size of the work."""
        macs, seconds = self.subject.macs, self.subject.seconds
        return macs / seconds / 1e9 if macs and seconds else None


def measure(
    subjects: Sequence[Subject], threads: int, runs: int, progress: OnProgress | None = None
) -> list[Measurement]:
    """Times models in turn (A B A B ...), so that what else the machine does hits all alike.

    Args:
        subjects: the models.
        threads: CPU threads of each.
        runs: timed invocations of each.
        progress: called as ``progress(done, total)`` after each.

    Returns:
        One Measurement per subject, in their order.

    Raises:
        FqssError: a model cannot be loaded or run.
    """
    with contextlib.ExitStack() as stack:
        workers: list[Apart] = []
        memory: list[int | None] = []
        for subject in subjects:
            workers.append(stack.enter_context(Apart(subject.name, _serve, subject, threads)))
            # One loads at a time: together they would need memory for all peaks at once.
            memory.append(workers[-1].receive())
        latencies: list[list[float]] = [[] for _ in subjects]
        for turn in range(runs):
            for number, worker in enumerate(workers):
                worker.send("run")
                latencies[number].append(worker.receive())
                if progress is not None:
                    progress(turn * len(workers) + number + 1, runs * len(workers))
    return [
        Measurement(subject, threads, tuple(own), peak)
        for subject, own, peak in zip(subjects, latencies, memory, strict=True)
    ]


def _serve(channel: Channel, subject: Subject, threads: int) -> NoReturn:
    subject.prepare()
    empty = peak_bytes()
    invoke = subject.load(threads)
    for _ in range(WARM_UP):
        invoke()
    loaded = peak_bytes()
    channel.send(None if empty is None or loaded is None else loaded - empty)
    while True:
        channel.receive()
        # The others' turns have emptied the caches; a stream of segments would find them filled.
        invoke()
        started = time.perf_counter()
        invoke()
        channel.send((time.perf_counter() - started) * 1000)
