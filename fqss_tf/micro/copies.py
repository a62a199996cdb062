"""Ops that only move bytes, as calls of fqss_copy."""

import dataclasses

from fqss_tf.micro.call import Call
from fqss_tf.micro.graph import Op, Tensor
from fqss_tf.micro.moves import concatenation_axis, outer, require_same_grid, row, slice_of


def pad(op: Op) -> list[Call]:
    """Returns the calls of a PAD along one axis: its frame, and what is within."""
    source, widths = op.inputs
    require_same_grid(op, source)
    if widths.data is None or widths.shape != (len(source.shape), 2):
        op.refuse("has widths that are no constants")
    before, after = widths.data.T.tolist()
    padded = [axis for axis in range(len(before)) if before[axis] or after[axis]]
    if len(padded) != 1:
        op.refuse(f"pads the axes {padded}, plain C one")
    axis, whole = padded[0], op.output
    if source.shape[axis] + before[axis] + after[axis] != whole.shape[axis]:
        op.refuse("has the wrong shape")
    size = row(source.shape, axis)
    fill = Call(
        f"memset({{t{whole.index}}}, {whole.zero_point}, {whole.bytes});", (), whole.index
    )
    return [fill, _copy(
        whole, before[axis] * row(whole.shape, axis + 1), row(whole.shape, axis), source, 0, size,
        size, outer(source.shape, axis),
    )]


def joining(op: Op, position: int) -> Call:
    """Returns the call that copies one input of a CONCATENATION to its place."""
    axis = concatenation_axis(op)
    tensor = op.inputs[position]
    offset = sum(row(before.shape, axis) for before in op.inputs[:position])
    return _copy(
        op.output, offset, row(op.output.shape, axis), tensor, 0, row(tensor.shape, axis),
        row(tensor.shape, axis), outer(tensor.shape, axis),
    )


def cutting(op: Op) -> Call:
    """Returns the call that copies what a SLICE or STRIDED_SLICE takes."""
    cut, source = slice_of(op), op.inputs[0]
    size = row(op.output.shape, cut.axis)
    offset = cut.begin * row(source.shape, cut.axis + 1)
    return _copy(
        op.output, 0, size, source, offset, row(source.shape, cut.axis), size,
        outer(source.shape, cut.axis),
    )


def update(op: Op, state: int) -> Call:
    """Returns the call that writes the next value of a state over the one that was read.

    Args:
        op: the slice that makes the next value.
        state: number of the tensor that was read.
    """
    call = cutting(op)
    text = call.text.replace(f"{{t{op.output.index}:0}}", f"{{t{state}}}", 1)
    return dataclasses.replace(call, text=text, writes=state)


def _copy(
    to: Tensor, to_offset: int, to_apart: int, source: Tensor, offset: int, apart: int, size: int,
    pieces: int,
) -> Call:
    return Call(
        f"fqss_copy({{t{to.index}:{to_offset}}}, {to_apart}, {{t{source.index}:{offset}}}, "
        f"{apart}, {size}, {pieces});",
        (source.index,), to.index,
    )
