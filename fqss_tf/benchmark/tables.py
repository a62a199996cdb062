"""Measurements as Markdown tables, aligned so that a terminal shows them as well."""

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
    """Lines of a table of Measurements.

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
    """Lines of a table of the Measurements of streaming models.

    ``step / p99`` is how many times the slowest of a hundred steps would fit into the time that a
    step has.
    """
    rows = [
        (
            one.subject.name,
            str(one.threads),
            f"{1000 * one.subject.seconds:g}",
            f"{1000 * one.subject.latency:g}",
            f"{one.median:.3f}",
            f"{one.p99:.3f}",
            f"{1000 * one.subject.seconds / one.p99:.1f}",
            f"{one.real_time_factor:.4f}",
            str(one.subject.state_bytes),
        )
        for one in measurements
    ]
    return markdown(STEP_HEADER, rows)


def phone_table(
    measurements: Sequence[PhoneMeasurement], scores: Mapping[Path, float]
) -> Iterator[str]:
    """Lines of a table of PhoneMeasurements; arguments as for ``latency_table``."""
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
    """Lines of a table with a row for each kind of op of an OpTimes."""
    rows = [
        (
            kind.name, _place(kind.in_xnnpack), str(kind.count), f"{kind.milliseconds:.3f}",
            f"{100 * times.share(kind):.1f}", _speed(kind),
        )
        for kind in times.kinds
    ]
    return markdown(KIND_HEADER, rows)


def node_table(times: OpTimes) -> Iterator[str]:
    """Lines of a table of the slowest nodes of an OpTimes, slowest first."""
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
    """How many times the latency of the first measurement with as many threads.

    Per second of audio, where both models say how much of it they compute: their segments may
    differ.
    """
    first = next(other for other in measurements if other.threads == one.threads)
    if one.real_time_factor is not None and first.real_time_factor is not None:
        return one.real_time_factor / first.real_time_factor
    return one.typical / first.typical


def markdown(header: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """Lines of a Markdown table: the first column to the left, numbers to the right."""
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
    return (_number(scores.get(one.subject.scored), ".2f"),) if scores else ()


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
