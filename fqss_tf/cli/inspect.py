"""fqss-tf inspect: what a .tflite computes, op by op, and who computes it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from math import prod
from pathlib import Path
from typing import TYPE_CHECKING

import click

from fqss_tf.cli.progress import progress_bar
from fqss_tf.cli.standard_streams import show
from fqss_tf.errors import FqssError
from fqss_tf.text_table import aligned

if TYPE_CHECKING:
    from fqss_tf.tflite.delegation import Delegation
    from fqss_tf.tflite.file import TfliteFile
    from fqss_tf.tflite.op_report import Op, Report, Tensor
    from fqss_tf.types import Json

HEADER = ("#", "op", "in", "out", "type", "weights", "scale", "zero", "XNNPACK", "MACs", "bytes")


@click.command("inspect")
@click.argument("model", type=click.Path(path_type=Path))
@click.option("--compare", type=click.Path(dir_okay=False), metavar="AUDIO",
              help="Instead, run each op with the fast kernels (XNNPACK) and with the reference "
              "kernels on the first segment of this recording, and list where they differ.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of a table.")
def command(model: Path, compare: str | None, as_json: bool) -> None:
    """List the ops of MODEL, a .tflite file, with shapes, types, scales, work and size.

    The column XNNPACK says whether the fast kernels (XNNPACK) compute the op: it has the number of
    the partition, a row of ops that run together, or "no" if LiteRT's own slower kernel does.
    """
    from fqss_tf.tflite import TfliteFile

    file = TfliteFile.open(model)
    if compare:
        _compare(file, compare, as_json)
        return
    report = file.report
    taken, refusal = _delegation(file)
    step = _step(file)
    if as_json:
        plain = _with_delegation(report, taken, refusal)
        show(json.dumps(plain | ({"step": step} if step else {}), indent=2))
    else:
        totals = (*_totals(report), *_step_total(step), _delegation_total(report, taken, refusal))
        show("\n".join([*_table(report, taken), "", *totals]))


def _compare(file: TfliteFile, recording: str, as_json: bool) -> None:
    """Prints what XNNPACK makes of each op's inputs beside the reference kernels."""
    import dataclasses

    import numpy as np

    from fqss_tf import audio
    from fqss_tf.audio.levels import at_peak_1
    from fqss_tf.runtime.interpreter import INPUT
    from fqss_tf.runtime.planes import split
    from fqss_tf.tflite.kernel_comparison import compare_kernels

    metadata = file.metadata
    if metadata.type != "int8" or metadata.is_streaming or metadata.hears_stereo:
        raise FqssError(
            f"{file.path}: --compare takes an int8 file of one channel for whole segments"
        )
    waveform, rate = audio.read(recording)
    mono = audio.resample(waveform.mean(axis=1), rate, metadata.sample_rate)
    segment = np.zeros(metadata.segment, np.float32)
    segment[: len(mono)] = mono[: metadata.segment]
    planes = split(at_peak_1(segment), metadata.input_planes)
    with progress_bar("comparing") as progress:
        ops = compare_kernels(file, {INPUT: planes[None, None]}, progress)
    if as_json:
        show(json.dumps([dataclasses.asdict(op) for op in ops]))
        return
    show(f"{'op':>5}  {'':20} {'codes':>9} {'differ':>8} {'mean':>8} {'most':>5}  tensor")
    for op in ops:
        if op.differing:
            show(
                f"{op.index:5d}  {op.name:20} {op.codes:9d} {100 * op.differing:7.2f}% "
                f"{op.mean:+8.4f} {op.largest:5d}  {op.tensor[-60:]}"
            )
    equal = sum(not op.differing for op in ops)
    show(f"{equal} of {len(ops)} ops give the same codes with both kernel sets")


def _delegation(file: TfliteFile) -> tuple[Delegation, None] | tuple[None, str]:
    """(Delegation, None), or (None, reason) for a file that LiteRT cannot run."""
    from fqss_tf.tflite.delegation import delegation

    try:
        return delegation(file), None
    except FqssError as error:
        return None, str(error)


def _step(file: TfliteFile) -> Json | None:
    """States of a streaming model, and its lengths in samples if known; None of other files."""
    returned = {tensor.name for tensor in file.report.outputs}
    states = [tensor for tensor in file.report.inputs if tensor.name in returned]
    if not states:
        return None
    step = {"states": len(states), "state_bytes": sum(prod(state.shape) for state in states)}
    try:
        metadata = file.metadata
    except FqssError:  # not of this project: the graph is shown all the same
        return step
    return step | {
        "samples": metadata.segment,
        "algorithmic_delay": metadata.algorithmic_delay,
        "latency": metadata.latency,
        "latency_ms": 1000 * metadata.latency / metadata.sample_rate,
    }


def _step_total(step: Json | None) -> Iterator[str]:
    if step is None:
        return
    yield f"states: {step['states']}, {step['state_bytes']:,} bytes"
    if "latency" in step:
        yield (
            f"step: {step['samples']} samples, result {step['algorithmic_delay']} samples behind, "
            f"algorithmic latency {step['latency']} samples, {step['latency_ms']:g} ms"
        )


def _partition(taken: Delegation | None, op: Op) -> int | None:
    """The number of the op's partition; None outside of all, or where it is not known."""
    if taken is None or op.index >= len(taken.partition_of_op):
        return None
    return taken.partition_of_op[op.index]


def _with_delegation(report: Report, taken: Delegation | None, refusal: str | None) -> Json:
    plain = report.to_dict()
    for row, op in zip(plain["ops"], report.ops, strict=True):
        row["xnnpack_partition"] = _partition(taken, op)
    if taken is None:
        plain["xnnpack"] = {"error": refusal}
    else:
        plain["xnnpack"] = {
            "ops": taken.taken,
            "partitions": taken.partitions,
            "left_out": taken.left_out(op.name for op in report.ops),
        }
    return plain


def _table(report: Report, taken: Delegation | None) -> Iterator[str]:
    return aligned([HEADER, *(_row(op, taken) for op in report.ops)])


def _row(op: Op, taken: Delegation | None) -> tuple[str, ...]:
    data_inputs = [tensor for tensor in op.inputs if not tensor.constant_bytes]
    constants = [tensor for tensor in op.inputs if tensor.constant_bytes]
    output = op.outputs[0] if op.outputs else None  # ops that set a variable have none
    scale, zero_point = (output.scale, output.zero_point) if output else (None, None)
    return (
        str(op.index),
        op.name,
        " ".join(_shape(tensor) for tensor in data_inputs),
        " ".join(_shape(tensor) for tensor in op.outputs),
        output.dtype if output else "",
        _weights(op, constants),
        "" if scale is None else f"{scale:.6g}",
        "" if zero_point is None else str(zero_point),
        _partition_cell(taken, op),
        f"{op.macs:,}" if op.macs else "",
        f"{op.weight_bytes:,}" if op.weight_bytes else "",
    )


def _partition_cell(taken: Delegation | None, op: Op) -> str:
    if taken is None or op.index >= len(taken.partition_of_op):
        return ""
    return str(taken.partition_of_op[op.index] or "no")


def _shape(tensor: Tensor) -> str:
    return "x".join(map(str, tensor.shape)) or "scalar"


def _weights(op: Op, constants: Iterable[Tensor]) -> str:
    types = list(dict.fromkeys(tensor.dtype for tensor in constants))
    return "+".join(types) + (" per channel" if op.per_channel else "")


def _totals(report: Report) -> Iterator[str]:
    from fqss_tf.tflite.op_report import conversion_ops, float_tensors

    for kind, ports in (("input", report.inputs), ("output", report.outputs)):
        for port in ports:
            quantized = "" if port.scale is None else f" scale {port.scale:.9g}"
            quantized += "" if port.zero_point is None else f" zero point {port.zero_point}"
            yield f"{kind} {port.name}: {_shape(port)} {port.dtype}{quantized}"
    counts = ", ".join(f"{name} {count}" for name, count in report.op_counts.items())
    yield f"ops: {len(report.ops)} ({counts})"
    yield f"multiply-accumulates: {report.macs:,}"
    yield f"constants: {report.weight_bytes:,} bytes"
    yield f"file: {report.file_bytes:,} bytes"
    yield f"float tensors: {len(float_tensors(report))}"
    yield f"conversions (QUANTIZE, DEQUANTIZE): {len(conversion_ops(report))}"


def _delegation_total(report: Report, taken: Delegation | None, refusal: str | None) -> str:
    if taken is None:
        return f"XNNPACK: cannot be told, {refusal}"
    left_out = taken.left_out(op.name for op in report.ops)
    rest = ", ".join(f"{name} {count}" for name, count in left_out.items())
    return (
        f"XNNPACK: {taken.taken} of {len(taken.partition_of_op)} ops in {taken.partitions} "
        f"partition{'' if taken.partitions == 1 else 's'}"
        + (f"; left to LiteRT's own kernels: {rest}" if rest else "")
    )
