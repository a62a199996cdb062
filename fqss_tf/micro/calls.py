"""Each op as a call of a function of kernels.h, with the constants that it reads."""

import dataclasses
import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fqss_tf.micro.arithmetic import Multiplier, least_code, multiplier_of
from fqss_tf.micro.c_text import array
from fqss_tf.micro.graph import Op, StepGraph, Tensor
from fqss_tf.micro.lookup import is_function_of_one, results
from fqss_tf.micro.moves import concatenation_axis, outer, require_same_grid, row, slice_of
from fqss_tf.micro.views import Views, is_in_place

LARGEST_SUM = 2**30  # as fqss_scaled takes it
FRAMES_AT_ONCE = 4  # of fqss_conv
VALID = 1


@dataclasses.dataclass(frozen=True)
class Call:
    """A call, with tensors as ``{t5}`` or, 128 bytes further, ``{t5:128}``.

    ``reads`` and ``writes`` are tensor numbers; ``constants`` the definitions that stand before;
    ``scratch`` the bytes that it needs while it runs; ``macs`` its multiply-accumulates.
    """

    text: str
    reads: tuple[int, ...]
    writes: int
    constants: tuple[str, ...] = ()
    constant_bytes: int = 0
    scratch: int = 0
    macs: int = 0


def calls_of(graph: StepGraph, views: Views) -> list[list[Call]]:
    """Returns the calls of each op, and behind each those that bring states to the next step.

    Raises:
        FqssError: an op that plain C has not, or has not in this way.
    """
    calls = [_calls(graph, views, op) for op in graph.ops]
    for state, concatenation in views.joined.items():
        update = graph.producer[state.output]
        last = max(
            op.index
            for tensor in _tensors_there(graph, views, state.input)
            for op in graph.readers.get(tensor, [])
        )
        calls[max(last, update.index)].append(_update(update, state.input, concatenation))
    return calls


def _tensors_there(graph: StepGraph, views: Views, tensor: int) -> list[int]:
    """Tensors that share the memory of one."""
    storage = views.place(tensor).storage
    return [
        other.index for other in graph.tensors if views.place(other.index).storage == storage
    ]


def _calls(graph: StepGraph, views: Views, op: Op) -> list[Call]:
    if is_function_of_one(op):
        return [_look_up(op)]
    if op.name == "CONCATENATION":
        return [
            _joining(op, position)
            for position in range(len(op.inputs)) if not is_in_place(views, op, position)
        ]
    if op.name in ("SLICE", "STRIDED_SLICE"):
        is_update = any(state.output == op.output.index for state in graph.states)
        is_view = op.output.index in views.places
        return [] if is_update or is_view else [_cutting(op)]
    if op.name == "RESHAPE":
        return []
    if op.name not in CALLS:
        op.refuse("is an op that plain C has not")
    return CALLS[op.name](op)


def _conv(op: Op) -> list[Call]:
    if op.options["dilationWFactor"] != 1:
        op.refuse(f"has dilation {op.options['dilationWFactor']}, plain C knows 1 only")
    source, kernel = _convolved(op)
    taps = kernel.shape[2]
    outputs, depth = op.output.shape[3], taps * source.shape[3]
    if kernel.shape != (outputs, 1, taps, source.shape[3]):
        op.refuse(f"has a kernel {list(kernel.shape)} for {source.shape[3]} channels")
    flat = _data(kernel).reshape(outputs, depth)
    padded = -(-depth // 4) * 4
    channels = _Channels.of(op, source, kernel, flat, np.pad(flat, ((0, 0), (0, padded - depth))))
    _, rows, frames, _ = op.output.shape
    return [
        Call(
            f"fqss_conv({{t{source.index}:{item * row(source.shape, 2)}}}, "
            f"{{t{op.output.index}:{item * row(op.output.shape, 2)}}}, {frames}, "
            f"{source.shape[3]}, {depth}, {outputs}, &channels_{op.index}, {{scratch}});",
            (source.index,), op.output.index,
            channels.definitions(op.index) if item == 0 else (),
            channels.bytes if item == 0 else 0,
            scratch=8 * padded, macs=frames * outputs * depth,
        )
        for item in range(rows)
    ]


def _depthwise(op: Op) -> list[Call]:
    source, kernel = _convolved(op)
    if op.options["depthMultiplier"] != 1:
        op.refuse(f"has depth multiplier {op.options['depthMultiplier']}, plain C knows 1 only")
    width, taps = source.shape[3], kernel.shape[2]
    if kernel.shape != (1, 1, taps, width):
        op.refuse(f"has a kernel {list(kernel.shape)} for {width} channels")
    flat = _data(kernel).reshape(taps, width)
    channels = _Channels.of(op, source, kernel, flat.T, flat)
    _, rows, frames, _ = op.output.shape
    return [
        Call(
            f"fqss_depthwise({{t{source.index}:{item * row(source.shape, 2)}}}, "
            f"{{t{op.output.index}:{item * row(op.output.shape, 2)}}}, {frames}, {width}, "
            f"{taps}, {op.options['dilationWFactor']}, &channels_{op.index});",
            (source.index,), op.output.index,
            channels.definitions(op.index) if item == 0 else (),
            channels.bytes if item == 0 else 0,
            macs=frames * width * taps,
        )
        for item in range(rows)
    ]


def _convolved(op: Op) -> tuple[Tensor, Tensor]:
    """Input and kernel of a convolution along frames, after all checks that both kinds share."""
    if len(op.inputs) != 3:
        op.refuse("has no bias")
    source, kernel, bias = op.inputs
    if kernel.data is None or bias.data is None or source.data is not None:
        op.refuse("has a kernel that is no constant")
    for name in ("strideW", "strideH"):
        if op.options[name] != 1:
            op.refuse(f"has stride {op.options[name]}, plain C knows 1 only")
    if _data(kernel).dtype != np.int8 or _data(bias).dtype != np.int32:
        op.refuse("has a kernel that is not int8, or a bias that is not int32")
    if len(kernel.shape) != 4 or len(source.shape) != 4 or source.shape[0] != 1:
        op.refuse("is not of one recording of four axes")
    if kernel.shape[1] != 1:
        op.refuse(f"has a kernel {kernel.shape[1]} high, plain C knows 1 only")
    seen = (kernel.shape[2] - 1) * op.options["dilationWFactor"]
    if op.options["padding"] != VALID and seen:
        op.refuse("pads its input, plain C does not")
    expected = (1, source.shape[1], source.shape[2] - seen)
    if op.output.shape[:3] != expected or expected[2] < 1:
        op.refuse("has the wrong shape")
    if any(kernel.zero_points):
        op.refuse("has a kernel with a zero point")
    return source, kernel


@dataclasses.dataclass(frozen=True)
class _Channels:
    """The constants of a convolution, one row of numbers for each output channel."""

    weights: NDArray[np.int8]
    bias: NDArray[np.int64]
    multipliers: Sequence[Multiplier]
    zero_point: int
    least: int

    @classmethod
    def of(
        cls, op: Op, source: Tensor, kernel: Tensor, by_channel: NDArray[np.int8],
        stored: NDArray[np.int8],
    ) -> "_Channels":
        width = len(by_channel)
        bias = _data(op.inputs[2]).astype(np.int64)
        if bias.shape != (width,) or len(kernel.scales) not in (1, width):
            op.refuse(f"has {bias.size} biases and {len(kernel.scales)} scales, not {width}")
        scales = np.broadcast_to(np.array(kernel.scales, np.float64), width)
        multipliers = [
            multiplier_of(float(source.scale) * float(scale) / float(op.output.scale))
            for scale in scales
        ]
        weights = by_channel.astype(np.int64)
        largest = np.abs(bias) + 255 * np.abs(weights).sum(axis=1)
        if any(
            bound << max(each.shift, 0) >= LARGEST_SUM
            for bound, each in zip(largest.tolist(), multipliers, strict=True)
        ):
            op.refuse("has sums that could be too large for 32 bits")
        folded = bias - source.zero_point * weights.sum(axis=1)
        return cls(stored, folded, multipliers, op.output.zero_point, _least(op))

    @property
    def bytes(self) -> int:
        return self.weights.size + 9 * len(self.multipliers)

    def definitions(self, number: int) -> tuple[str, ...]:
        values, shifts = zip(*self.multipliers, strict=True)
        return (
            array("static const int8_t", f"weights_{number}", self.weights.ravel().tolist()),
            array("static const int32_t", f"bias_{number}", self.bias.tolist()),
            array("static const int32_t", f"multiplier_{number}", values),
            array("static const int8_t", f"shift_{number}", shifts),
            f"static const struct fqss_channels channels_{number} = {{weights_{number}, "
            f"bias_{number}, multiplier_{number}, shift_{number}, {self.zero_point}, "
            f"{self.least}}};",
        )


def _sum(op: Op) -> list[Call]:
    a, b = _pair(op)
    # As TFLite does it, in double precision.
    twice = 2 * max(float(a.scale), float(b.scale))
    of_a, of_b = multiplier_of(float(a.scale) / twice), multiplier_of(float(b.scale) / twice)
    of_sum = multiplier_of(twice / (2**20 * float(op.output.scale)))
    if op.name == "SUB":
        of_b = Multiplier(-of_b.value, of_b.shift)
    if (2**30 << max(of_sum.shift, 0)) > LARGEST_SUM:
        op.refuse("makes its inputs much larger")
    return _pairwise(op, "fqss_add", a, b, (of_a, of_b, of_sum))


def _product(op: Op) -> list[Call]:
    a, b = _pair(op)
    # As TFLite does it, in single precision.
    real = a.scale * b.scale / op.output.scale
    of_product = multiplier_of(float(real))
    if 2**16 << max(of_product.shift, 0) >= LARGEST_SUM:
        op.refuse("makes its inputs much larger")
    return _pairwise(op, "fqss_multiply", a, b, (Multiplier(0, 0), Multiplier(0, 0), of_product))


def _pair(op: Op) -> tuple[Tensor, Tensor]:
    if len(op.inputs) != 2 or any(tensor.data is not None for tensor in op.inputs):
        op.refuse("reads a constant that is not one number")
    return op.inputs[0], op.inputs[1]


def _pairwise(
    op: Op, function: str, a: Tensor, b: Tensor, multipliers: tuple[Multiplier, ...]
) -> list[Call]:
    """Calls over both inputs, the shorter one again and again if all its axes fit from behind."""
    count = min(a.bytes, b.bytes)
    for tensor in (a, b):
        if tensor.shape != op.output.shape and not _repeats(tensor.shape, op.output.shape):
            op.refuse(f"repeats {list(tensor.shape)} to {list(op.output.shape)}")
    numbers = [
        -a.zero_point, -b.zero_point, op.output.zero_point,
        *(each.value for each in multipliers), *(each.shift for each in multipliers), _least(op),
    ]
    constant = (
        f"static const struct fqss_pair pair_{op.index} = {{{', '.join(map(str, numbers))}}};"
    )
    return [
        Call(
            f"{function}({{t{a.index}:{begin % a.bytes}}}, {{t{b.index}:{begin % b.bytes}}}, "
            f"{{t{op.output.index}:{begin}}}, {count}, &pair_{op.index});",
            (a.index, b.index), op.output.index, (constant,) if begin == 0 else (),
            4 * len(numbers) if begin == 0 else 0,
        )
        for begin in range(0, op.output.bytes, count)
    ]


def _repeats(shape: tuple[int, ...], whole: tuple[int, ...]) -> bool:
    """Whether a tensor fills a larger one by being repeated from end to end."""
    rest = math.prod(shape)
    filled = (1,) * (len(whole) - len(shape)) + shape
    first = next((axis for axis, size in enumerate(filled) if size != 1), len(whole))
    return filled[first:] == whole[first:] and rest > 1


def _look_up(op: Op) -> Call:
    source = next(tensor for tensor in op.inputs if tensor.data is None)
    if source.shape != op.output.shape:
        op.refuse("has another shape than its input")
    return Call(
        f"fqss_look_up({{t{source.index}}}, {{t{op.output.index}}}, {source.bytes}, "
        f"results_{op.index});",
        (source.index,), op.output.index,
        (array("static const int8_t", f"results_{op.index}", results(op, source).tolist()),), 256,
    )


def _pad(op: Op) -> list[Call]:
    source, widths = op.inputs
    require_same_grid(op, source)
    if widths.data is None or widths.shape != (len(source.shape), 2):
        op.refuse("has widths that are no constants")
    before, after = _data(widths).T.tolist()
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


def _joining(op: Op, position: int) -> Call:
    axis = concatenation_axis(op)
    tensor = op.inputs[position]
    offset = sum(row(before.shape, axis) for before in op.inputs[:position])
    return _copy(
        op.output, offset, row(op.output.shape, axis), tensor, 0, row(tensor.shape, axis),
        row(tensor.shape, axis), outer(tensor.shape, axis),
    )


def _cutting(op: Op) -> Call:
    cut, source = slice_of(op), op.inputs[0]
    size = row(op.output.shape, cut.axis)
    offset = cut.begin * row(source.shape, cut.axis + 1)
    return _copy(
        op.output, 0, size, source, offset, row(source.shape, cut.axis), size,
        outer(source.shape, cut.axis),
    )


def _update(op: Op, state: int, concatenation: Op) -> Call:
    """Writes the next value of a state over the one that was read."""
    call = _cutting(op)
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


def _least(op: Op) -> int:
    activation = op.options.get("fusedActivationFunction", 0)
    least = least_code(activation, op.output.zero_point)
    if least is None:
        op.refuse(f"has the activation {activation}, plain C knows ReLU only")
    return least


def _data(tensor: Tensor) -> NDArray[Any]:
    assert tensor.data is not None
    return tensor.data


CALLS: dict[str, Callable[[Op], list[Call]]] = {
    "ADD": _sum, "CONV_2D": _conv, "DEPTHWISE_CONV_2D": _depthwise, "MUL": _product, "PAD": _pad,
    "SUB": _sum,
}
