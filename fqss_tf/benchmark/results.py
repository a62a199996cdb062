"""Everything that one benchmark found, for people and for machines."""

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from fqss_tf.benchmark import tables
from fqss_tf.benchmark.measure import Measurement
from fqss_tf.benchmark.op_times import OpTimes
from fqss_tf.benchmark.phone import PhoneMeasurement
from fqss_tf.types import Json


def machine_line(machine: Json) -> str:
    """Puts what ``machine.describe`` says into a line for people."""
    flags = f" ({' '.join(machine['flags'])})" if machine["flags"] else ""
    return (
        f"{machine['cpu']}{flags}, {machine['cores']} cores, load average before "
        f"{machine['load']:g}"
    )


@dataclasses.dataclass(frozen=True)
class Results:
    """What one benchmark found.

    ``machine``: as ``machine.describe`` says before the timing, or the phone's name under
    ``phone``. ``measurements``: Measurements, or PhoneMeasurements of a phone. ``scores``: SI-SDR
    in dB by path. ``op_times``: OpTimes by name of the model.
    """

    machine: Json
    runs: int
    measurements: Sequence[Measurement | PhoneMeasurement]
    scores: Mapping[Path, float]
    op_times: Mapping[str, OpTimes]

    @property
    def threads(self) -> int:
        """The first number of threads: that of scores, op times and figures."""
        return self.measurements[0].threads

    def to_dict(self) -> Json:
        """Gives plain values, for JSON."""
        return self.machine | {
            "runs": self.runs,
            "measurements": [self._row(one) for one in self.measurements],
            "per_op": {name: times.to_dict() for name, times in self.op_times.items()},
        }

    def lines(self) -> Iterator[str]:
        """Gives lines of text with Markdown tables."""
        if "phone" in self.machine:
            yield f"{self.machine['phone']}, benchmark_model over adb, {self.runs} runs each."
            yield ""
            phones = [one for one in self.measurements if isinstance(one, PhoneMeasurement)]
            yield from tables.phone_table(phones, self.scores)
        else:
            yield (
                f"{machine_line(self.machine)}; LiteRT {self.machine['litert']}; "
                f"{self.runs} runs each, in turn."
            )
            yield ""
            here = [one for one in self.measurements if isinstance(one, Measurement)]
            yield from tables.latency_table(here, self.scores)
            steps = [one for one in here if one.subject.state_bytes is not None]
            if steps:
                yield ""
                yield from tables.step_table(steps)
        for name, times in self.op_times.items():
            yield ""
            yield (
                f"{name}, {self.threads} thread{'s' if self.threads > 1 else ''}: the ops take "
                f"{times.milliseconds:.2f} ms, {100 * times.covered:.0f} % of an invocation."
            )
            yield ""
            yield from tables.kind_table(times)
            yield ""
            yield from tables.node_table(times)

    def quality_points(self) -> list[Json]:
        """Gives rows with name, milliseconds (per second of audio) and si_sdr (dB) to be drawn."""
        return [
            {
                "name": one.subject.name,
                "milliseconds": 1000 * one.real_time_factor,
                "si_sdr": tables.score(one.subject, self.scores),
            }
            for one in self.measurements
            if one.threads == self.threads
            and one.subject.scored in self.scores
            and one.real_time_factor is not None
        ]

    def _row(self, one: Measurement | PhoneMeasurement) -> Json:
        subject = one.subject
        return {
            "model": subject.name,
            "runtime": subject.runtime,
            "threads": one.threads,
            **one.times(),
            "ratio": tables.ratio(one, self.measurements),
            "real_time_factor": one.real_time_factor,
            "seconds": subject.seconds,
            "file_bytes": subject.file_bytes,
            "memory_bytes": one.memory_bytes,
            "macs": subject.macs,
            "latency_seconds": subject.latency,
            "state_bytes": subject.state_bytes,
            "si_sdr": tables.score(subject, self.scores),
        }
