"""Ops that only move bytes: slices and concatenations along one axis, reshapes."""

import dataclasses
import math

from fqss_tf.micro.graph import Op, Tensor, data_of

MOST_AXES = 5  # of a strided slice; as TFLite


@dataclasses.dataclass(frozen=True)
class Slice:
    """The part of a tensor from ``begin`` on along ``axis``, ``size`` long."""

    axis: int
    begin: int
    size: int


def outer(shape: tuple[int, ...], axis: int) -> int:
    """Returns how many pieces a part along ``axis`` has: the product of the axes before."""
    return math.prod(shape[:axis])


def row(shape: tuple[int, ...], axis: int) -> int:
    """Returns the bytes from one piece to the next: the product of ``axis`` and those behind."""
    return math.prod(shape[axis:])


def slice_of(op: Op) -> Slice:
    """Returns what a STRIDED_SLICE or SLICE takes.

    Raises:
        FqssError: more axes than one, strides, new axes, or bounds that are no constants.
    """
    source, result = op.inputs[0], op.output
    require_same_grid(op, source)
    begins, sizes = _strided(op) if op.name == "STRIDED_SLICE" else _plain(op)
    if len(result.shape) != len(source.shape) or sizes != list(result.shape):
        op.refuse("does not keep the axes of its input")
    axes = [axis for axis, size in enumerate(source.shape) if sizes[axis] != size]
    if len(axes) > 1:
        op.refuse(f"cuts along the axes {axes}, plain C along one only")
    axis = axes[0] if axes else 0
    return Slice(axis, begins[axis], sizes[axis])


def concatenation_axis(op: Op) -> int:
    """Returns the axis of a CONCATENATION.

    Raises:
        FqssError: it rescales its inputs, reads constants, or has an activation.
    """
    if op.options.get("fusedActivationFunction", 0):
        op.refuse("has an activation")
    for tensor in op.inputs:
        require_same_grid(op, tensor)
        if tensor.data is not None:
            op.refuse("joins a constant")
    axis = int(op.options["axis"]) % len(op.output.shape)
    expected = [
        sum(tensor.shape[axis] for tensor in op.inputs) if place == axis else size
        for place, size in enumerate(op.inputs[0].shape)
    ]
    if list(op.output.shape) != expected:
        op.refuse("has the wrong shape")
    return axis


def require_same_grid(op: Op, tensor: Tensor) -> None:
    """Checks that an input has the scale and zero point of the output.

    Raises:
        FqssError: it has not.
    """
    if (tensor.scales, tensor.zero_points) != (op.output.scales, op.output.zero_points):
        op.refuse("rescales its input: scales and zero points of input and output differ")


def _strided(op: Op) -> tuple[list[int], list[int]]:
    source, *bounds = op.inputs
    options = op.options
    if len(bounds) != 3 or any(bound.data is None for bound in bounds):
        op.refuse("has bounds that are no constants")
    if any(options.get(f"{name}Mask") for name in ("ellipsis", "newAxis", "shrinkAxis")):
        op.refuse("adds or removes axes")
    if options.get("offset"):
        op.refuse("has ends relative to begins")
    begins, ends, strides = (_numbers(bound) for bound in bounds)
    if len(begins) != len(source.shape) or len(source.shape) > MOST_AXES:
        op.refuse("does not name all axes")
    if any(stride != 1 for stride in strides):
        op.refuse(f"has strides {strides}, plain C knows 1 only")
    first, sizes = [], []
    for axis, size in enumerate(source.shape):
        begin = 0 if options["beginMask"] >> axis & 1 else _place(begins[axis], size)
        end = size if options["endMask"] >> axis & 1 else _place(ends[axis], size)
        first.append(begin)
        sizes.append(end - begin)
    return first, sizes


def _plain(op: Op) -> tuple[list[int], list[int]]:
    source, *bounds = op.inputs
    if len(bounds) != 2 or any(bound.data is None for bound in bounds):
        op.refuse("has bounds that are no constants")
    begins, sizes = (_numbers(bound) for bound in bounds)
    if len(begins) != len(source.shape) or len(sizes) != len(source.shape):
        op.refuse("does not name all axes")
    sizes = [
        whole - begin if size == -1 else size
        for whole, begin, size in zip(source.shape, begins, sizes, strict=True)
    ]
    if any(
        begin < 0 or begin + size > whole
        for whole, begin, size in zip(source.shape, begins, sizes, strict=True)
    ):
        op.refuse("cuts outside of its input")
    return begins, sizes


def _numbers(tensor: Tensor) -> list[int]:
    numbers: list[int] = data_of(tensor).ravel().tolist()
    return numbers


def _place(bound: int, size: int) -> int:
    return min(max(bound + size if bound < 0 else bound, 0), size)
