import json
from pathlib import Path

import click

from fqss_tf.errors import FqssError

HEADER = ("#", "op", "in", "out", "type", "weights", "scale", "zero", "MACs", "bytes")


@click.command("inspect")
@click.argument("model", type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of a table.")
def command(model, as_json):
    """List the ops, types, scales, multiply-accumulates and bytes of MODEL.tflite."""
    from fqss_tf.export.op_report import op_report

    try:
        content = model.read_bytes()
    except OSError as error:
        raise FqssError(f"cannot read {model}: {error.strerror or error}") from error
    report = op_report(content, str(model))
    if as_json:
        click.echo(json.dumps(report.to_dict(), indent=2))
    else:
        click.echo("\n".join([*_table(report), "", *_totals(report)]))


def _table(report):
    rows = [HEADER, *map(_row, report.ops)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        yield "  ".join(cells).rstrip()


def _row(op):
    data_inputs = [tensor for tensor in op.inputs if not tensor.constant_bytes]
    constants = [tensor for tensor in op.inputs if tensor.constant_bytes]
    output = op.outputs[0]
    return (
        str(op.index),
        op.name,
        " ".join(_shape(tensor) for tensor in data_inputs),
        " ".join(_shape(tensor) for tensor in op.outputs),
        output.dtype,
        _weights(op, constants),
        "" if output.scale is None else f"{output.scale:.6g}",
        "" if output.zero_point is None else str(output.zero_point),
        f"{op.macs:,}" if op.macs else "",
        f"{op.weight_bytes:,}" if op.weight_bytes else "",
    )


def _shape(tensor):
    return "x".join(map(str, tensor.shape)) or "scalar"


def _weights(op, constants):
    types = list(dict.fromkeys(tensor.dtype for tensor in constants))
    return "+".join(types) + (" per channel" if op.per_channel else "")


def _totals(report):
    from fqss_tf.export.op_report import conversion_ops, float_tensors

    for kind, ports in (("input", report.inputs), ("output", report.outputs)):
        for port in ports:
            quantised = "" if port.scale is None else f" scale {port.scale:.9g}"
            quantised += "" if port.zero_point is None else f" zero point {port.zero_point}"
            yield f"{kind} {port.name}: {_shape(port)} {port.dtype}{quantised}"
    counts = ", ".join(f"{name} {count}" for name, count in report.op_counts.items())
    yield f"ops: {len(report.ops)} ({counts})"
    yield f"multiply-accumulates: {report.macs:,}"
    yield f"constants: {report.weight_bytes:,} bytes"
    yield f"file: {report.file_bytes:,} bytes"
    yield f"float tensors: {len(float_tensors(report))}"
    yield f"conversions (QUANTIZE, DEQUANTIZE): {len(conversion_ops(report))}"
