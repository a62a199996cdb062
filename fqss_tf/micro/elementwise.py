"""Ops on each value by itself, as calls of fqss_add, fqss_multiply and fqss_look_up."""

import math

from fqss_tf.micro.arithmetic import LARGEST_SUM, Multiplier, multiplier_of
from fqss_tf.micro.c_text import array
from fqss_tf.micro.call import Call
from fqss_tf.micro.graph import Op, Tensor
from fqss_tf.micro.limits import least_code
from fqss_tf.micro.lookup import results


def add(op: Op) -> list[Call]:
    """Returns the calls of an ADD or SUB."""
    a, b = _pair(op)
    # As TFLite does it, in double precision.
    twice = 2 * max(float(a.scale), float(b.scale))
    of_a, of_b = multiplier_of(float(a.scale) / twice), multiplier_of(float(b.scale) / twice)
    of_sum = multiplier_of(twice / (2**20 * float(op.output.scale)))
    if op.name == "SUB":
        of_b = Multiplier(-of_b.value, of_b.shift)
    if of_sum.shift > 0:
        op.refuse("makes its inputs much larger")
    return _pairwise(op, "fqss_add", a, b, (of_a, of_b, of_sum))


def multiply(op: Op) -> list[Call]:
    """Returns the calls of a MUL."""
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
        *(each.value for each in multipliers), *(each.shift for each in multipliers),
        least_code(op),
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


def look_up(op: Op) -> Call:
    """Returns the call of a function of one byte."""
    source = next(tensor for tensor in op.inputs if tensor.data is None)
    if source.shape != op.output.shape:
        op.refuse("has another shape than its input")
    return Call(
        f"fqss_look_up({{t{source.index}}}, {{t{op.output.index}}}, {source.bytes}, "
        f"results_{op.index});",
        (source.index,), op.output.index,
        (array("static const int8_t", f"results_{op.index}", results(op, source).tolist()),), 256,
    )
