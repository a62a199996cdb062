"""Latency on an Android phone, by Google's benchmark_model over adb."""

import contextlib
import dataclasses
import re
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

from fqss_tf.benchmark.subjects import Subject, TfliteSubject
from fqss_tf.errors import FqssError
from fqss_tf.types import OnProgress, PathLike

FOLDER = "/data/local/tmp"
BINARY = f"{FOLDER}/fqss_benchmark_model"
MODEL = f"{FOLDER}/fqss_benchmark.tflite"
WARM_UP = 3
AVERAGES = re.compile(
    r"Inference timings in us: Init: (?P<init>\S+), First inference: (?P<first>\S+), "
    r"Warmup \(avg\): (?P<warm_up>\S+), Inference \(avg\): (?P<average>\S+)"
)
# One such line for the warm-up and, last, one for the timed runs; which numbers it has depends on
# the version of the tool.
STATISTICS = re.compile(r"^.*\bcount=\d+ .*$", re.MULTILINE)
STATISTIC = re.compile(r"\b(min|median|p95)=(\S+)")
MEMORY = re.compile(r"Memory footprint delta from the start of the tool \(MB\): .*overall=(\S+)")


@dataclasses.dataclass(frozen=True)
class PhoneMeasurement:
    """What benchmark_model printed, times in ms; None for what it did not print."""

    subject: Subject
    threads: int
    init: float
    average: float
    least: float | None
    median: float | None
    p95: float | None
    memory_bytes: int | None

    @property
    def typical(self) -> float:
        """The latency in ms that stands for all."""
        return self.average

    def times(self) -> dict[str, float | None]:
        """Gives latencies in ms by name, for JSON."""
        return {
            "average_ms": self.average,
            "median_ms": self.median,
            "min_ms": self.least,
            "p95_ms": self.p95,
            "init_ms": self.init,
        }

    @property
    def real_time_factor(self) -> float | None:
        """Average latency over the duration of the segment; below 1 is faster than real time."""
        seconds = self.subject.seconds
        return None if seconds is None else self.typical / 1000 / seconds


class Phone:
    """The one device that adb sees.

    Args:
        benchmark_model: path of Google's binary for the phone's processor.

    Raises:
        FqssError: no adb, no device or several, or no binary.
    """

    def __init__(self, benchmark_model: PathLike | None) -> None:
        if shutil.which("adb") is None:
            raise FqssError("adb is not on PATH: install Android's platform tools")
        if benchmark_model is None or not Path(benchmark_model).is_file():
            raise FqssError(
                f"no benchmark_model at {benchmark_model}: download Google's binary for Android "
                "and give its path with --benchmark-model"
            )
        lines = self._adb("devices").splitlines()
        devices = [line.split()[0] for line in lines if line.split()[1:2] == ["device"]]
        if len(devices) != 1:
            raise FqssError(
                f"adb sees {len(devices)} devices, not 1: connect one phone and allow USB debugging"
            )
        self._binary = Path(benchmark_model)
        self.name = self._adb("shell", "getprop", "ro.product.model").strip()

    def measure(
        self,
        subjects: Sequence[Subject],
        threads: Sequence[int],
        runs: int,
        progress: OnProgress | None = None,
    ) -> list[PhoneMeasurement]:
        """Times models one after the other; what was copied to the phone is removed.

        Args:
            subjects: TfliteSubjects.
            threads: numbers of CPU threads, each of which is measured.
            runs: timed invocations.
            progress: called as ``progress(done, total)`` after each measurement.

        Returns:
            List of PhoneMeasurements, all models for the first number of threads first.

        Raises:
            FqssError: a model that is no .tflite, adb fails, or the tool does.
        """
        files: list[TfliteSubject] = []
        for subject in subjects:
            if not isinstance(subject, TfliteSubject):
                raise FqssError(f"{subject.name} is no .tflite: a phone runs no other kind")
            files.append(subject)
        measurements: list[PhoneMeasurement] = []
        try:
            self._adb("push", str(self._binary), BINARY)
            self._adb("shell", "chmod", "755", BINARY)
            for number in threads:
                for file in files:
                    self._adb("push", str(file.path), MODEL)
                    output = self._adb(
                        "shell", BINARY, f"--graph={MODEL}", f"--num_threads={number}",
                        f"--num_runs={runs}", "--min_secs=0", f"--warmup_runs={WARM_UP}",
                        "--warmup_min_secs=0",
                    )
                    measurements.append(parse(output, file, number))
                    if progress is not None:
                        progress(len(measurements), len(files) * len(threads))
        finally:
            with contextlib.suppress(FqssError):
                self._adb("shell", "rm", "-f", BINARY, MODEL)
        return measurements

    def _adb(self, *arguments: str) -> str:
        done = subprocess.run(
            ["adb", *arguments], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
            errors="replace", stdin=subprocess.DEVNULL,
        )
        if done.returncode:
            raise FqssError(f"adb {arguments[0]} fails: {_last_line(done.stdout)}")
        return done.stdout


def parse(output: str, subject: Subject, threads: int) -> PhoneMeasurement:
    """Reads what benchmark_model prints.

    Args:
        output: its text.
        subject: the model that it ran.
        threads: the number of CPU threads that it ran on.

    Returns:
        A PhoneMeasurement.

    Raises:
        FqssError: no timings in the text.
    """
    averages = AVERAGES.search(output)
    if averages is None:
        raise FqssError(f"benchmark_model gives no timings of {subject.name}: {_last_line(output)}")
    lines = STATISTICS.findall(output)
    printed = dict(STATISTIC.findall(lines[-1])) if lines else {}
    memory = MEMORY.search(output)

    def milliseconds(text: str | None) -> float | None:
        return None if text is None else float(text) / 1000

    return PhoneMeasurement(
        subject=subject,
        threads=threads,
        init=float(averages["init"]) / 1000,
        average=float(averages["average"]) / 1000,
        least=milliseconds(printed.get("min")),
        median=milliseconds(printed.get("median")),
        p95=milliseconds(printed.get("p95")),
        memory_bytes=None if memory is None else round(float(memory[1]) * 2**20),
    )


def _last_line(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1] if lines else "no message"
