"""Measurements as Markdown tables, aligned so that a terminal shows them as well."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fqss_tf.benchmark.measure import Measurement
    from fqss_tf.benchmark.op_times import KindTime, NodeTime, OpTimes
    from fqss_tf.benchmark.phone import PhoneMeasurement
    from fqss_tf.benchmark.subjects import Subject
    from fqss_tf.tflite.op_report import Op, Tensor

LATENCY_HEADER = (
    "model", "runtime", "threads", "median (ms)", "min (ms)", "p95 (ms)", "ratio",
    "real-time factor", "file (MB)", "memory (MB)", "GMAC per s of audio", "GMAC/s",
)
PHONE_HEADER = (
    "model", "threads", "average (ms)", "median (ms)", "min (ms)", "p95 (ms)", "ratio",
    "real-time factor", "file (MB)", "memory (MB)",
)
STEP_HEADER = (
    "streaming model", "threads", "step (ms)", "latency (ms)", "p50 (ms)", "p99 (ms)", "step / p99",
    "real-time factor", "state (bytes)",
)
KIND_HEADER = ("op", "computed by", "count", "ms", "share (%)", "GMAC/s")
NODE_HEADER = ("op", "computed by", "op in the file", "in", "out", "ms", "share (%)", "GMAC/s")
SCORE_TITLE = "SI-SDR (dB)"
SLOWEST_NODES = 10


def latency_table(
    measurements: Sequence[Measurement], scores: Mapping[Path, float]
) -> Iterator[str]:
    """Gives the lines of a table of Measurements.

    Args:
        measurements: of any number of threads.
        scores: SI-SDR in dB by path, empty for no such column.
    """
    rows = [
        (
            one.subject.name,
            one.subject.runtime,
            str(one.threads),
            f"{one.median:.2f}",
            f"{one.least:.2f}",
            f"{one.p95:.2f}",
            f"{ratio(one, measurements):.2f}",
            *_common_cells(one),
            _number(one.gmacs_per_audio_second, ".2f"),
            _number(one.gmacs_per_second, ".1f"),
            *_score_cells(one, scores),
        )
        for one in measurements
    ]
    return markdown(LATENCY_HEADER + ((SCORE_TITLE,) if scores else ()), rows)


def step_table(measurements: Sequence[Measurement]) -> Iterator[str]:
    """Gives the lines of a table of the Measurements of streaming models.

    ``step / p99`` is how many times the slowest of a hundred steps would fit into the time that a
    step has.
    """
    return markdown(STEP_HEADER, [_step_row(one) for one in measurements])


def phone_table(
    measurements: Sequence[PhoneMeasurement], scores: Mapping[Path, float]
) -> Iterator[str]:
    """Gives the lines of a table of PhoneMeasurements; arguments as for ``latency_table``."""
    rows = [
        (
            one.subject.name,
            str(one.threads),
            f"{one.average:.2f}",
            _number(one.median, ".2f"),
            _number(one.least, ".2f"),
            _number(one.p95, ".2f"),
            f"{ratio(one, measurements):.2f}",
            *_common_cells(one),
            *_score_cells(one, scores),
        )
        for one in measurements
    ]
    return markdown(PHONE_HEADER + ((SCORE_TITLE,) if scores else ()), rows)


def kind_table(times: OpTimes) -> Iterator[str]:
    """Gives the lines of a table with a row for each kind of op of an OpTimes."""
    rows = [
        (
            kind.name, _place(kind.in_xnnpack), str(kind.count), f"{kind.milliseconds:.3f}",
            f"{100 * times.share(kind):.1f}", _speed(kind),
        )
        for kind in times.kinds
    ]
    return markdown(KIND_HEADER, rows)


def node_table(times: OpTimes) -> Iterator[str]:
    """Gives the lines of a table of the slowest nodes of an OpTimes, slowest first."""
    slowest = sorted(times.nodes, key=lambda node: -node.milliseconds)[:SLOWEST_NODES]
    rows = [
        (
            node.name, _place(node.partition is not None), *_op_cells(node.op),
            f"{node.milliseconds:.3f}", f"{100 * times.share(node):.1f}", _speed(node),
        )
        for node in slowest
    ]
    return markdown(NODE_HEADER, rows)


def ratio(
    one: Measurement | PhoneMeasurement, measurements: Iterable[Measurement | PhoneMeasurement]
) -> float:
    """Computes how many times the latency of the first with as many threads this one has.

    Per second of audio, where both models say how much of it they compute: their segments may
    differ.
    """
    first = next(other for other in measurements if other.threads == one.threads)
    if one.real_time_factor is not None and first.real_time_factor is not None:
        return one.real_time_factor / first.real_time_factor
    return one.typical / first.typical


def markdown(header: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """Gives the lines of a Markdown table: text to the left, numbers to the right."""
    columns = list(zip(header, *rows, strict=True))
    widths = [max(map(len, column)) for column in columns]
    is_text = [not any(_is_number(cell) for cell in column[1:]) for column in columns]
    rule = [
        "-" * width if text else "-" * (width - 1) + ":"
        for width, text in zip(widths, is_text, strict=True)
    ]
    for row in (header, rule, *rows):
        cells = (
            cell.ljust(width) if text else cell.rjust(width)
            for cell, width, text in zip(row, widths, is_text, strict=True)
        )
        yield f"| {' | '.join(cells)} |"


def score(subject: Subject, scores: Mapping[Path, float]) -> float | None:
    """Looks up the SI-SDR of a subject in dB; None where it was not scored."""
    return None if subject.scored is None else scores.get(subject.scored)


def _step_row(one: Measurement) -> tuple[str, ...]:
    seconds, latency = one.subject.seconds, one.subject.latency
    return (
        one.subject.name,
        str(one.threads),
        _number(seconds and 1000 * seconds, "g"),
        _number(latency and 1000 * latency, "g"),
        f"{one.median:.3f}",
        f"{one.p99:.3f}",
        _number(seconds and 1000 * seconds / one.p99, ".1f"),
        _number(one.real_time_factor, ".4f"),
        str(one.subject.state_bytes),
    )


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True


def _common_cells(one: Measurement | PhoneMeasurement) -> tuple[str, str, str]:
    return (
        _number(one.real_time_factor, ".4f"),
        _megabytes(one.subject.file_bytes),
        _megabytes(one.memory_bytes),
    )


def _score_cells(
    one: Measurement | PhoneMeasurement, scores: Mapping[Path, float]
) -> tuple[str, ...]:
    return (_number(score(one.subject, scores), ".2f"),) if scores else ()


def _op_cells(op: Op | None) -> tuple[str, str, str]:
    if op is None:
        return "", "", ""
    data = [tensor for tensor in op.inputs if not tensor.constant_bytes]
    return f"{op.index} {op.name}", _shapes(data), _shapes(op.outputs)


def _shapes(tensors: Iterable[Tensor]) -> str:
    return " ".join("x".join(map(str, tensor.shape)) or "scalar" for tensor in tensors)


def _place(in_xnnpack: bool) -> str:
    return "XNNPACK" if in_xnnpack else "LiteRT"


def _speed(part: KindTime | NodeTime) -> str:
    return f"{part.macs / part.milliseconds / 1e6:.1f}" if part.macs and part.milliseconds else ""


def _megabytes(count: int | None) -> str:
    return "" if count is None else f"{count / 1e6:.2f}"


def _number(value: float | None, form: str) -> str:
    return "" if value is None else format(value, form)
