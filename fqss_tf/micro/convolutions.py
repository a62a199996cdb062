"""Convolutions along frames as calls of fqss_conv and fqss_depthwise, with their constants."""

import dataclasses
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from fqss_tf.micro.arithmetic import LARGEST_SUM, Multiplier, multiplier_of
from fqss_tf.micro.c_text import array
from fqss_tf.micro.call import Call
from fqss_tf.micro.graph import Op, Tensor, data_of
from fqss_tf.micro.limits import least_code
from fqss_tf.micro.moves import row

VALID = 1


def conv(op: Op) -> list[Call]:
    """Returns a call for each recording of a CONV_2D that is one frame high."""
    if op.options["dilationWFactor"] != 1:
        op.refuse(f"has dilation {op.options['dilationWFactor']}, plain C knows 1 only")
    source, kernel = _convolved(op)
    taps = kernel.shape[2]
    outputs, depth = op.output.shape[3], taps * source.shape[3]
    if kernel.shape != (outputs, 1, taps, source.shape[3]):
        op.refuse(f"has a kernel {list(kernel.shape)} for {source.shape[3]} channels")
    flat = data_of(kernel).reshape(outputs, depth)
    padded = -(-depth // 4) * 4
    channels = _Channels.of(op, source, kernel, flat, np.pad(flat, ((0, 0), (0, padded - depth))))
    return _for_each_recording(
        op, source, channels, "fqss_conv",
        f"{source.shape[3]}, {depth}, {outputs}, &channels_{op.index}, {{scratch}}",
        macs_a_frame=outputs * depth, scratch=8 * padded,
    )


def depthwise(op: Op) -> list[Call]:
    """Returns a call for each recording of a DEPTHWISE_CONV_2D along frames, or over recordings.

    A sum over all recordings is one along frames: they lie one behind the other.
    """
    source, kernel = _convolved(op, over_recordings=True)
    if op.options["depthMultiplier"] != 1:
        op.refuse(f"has depth multiplier {op.options['depthMultiplier']}, plain C knows 1 only")
    _, recordings, frames, width = source.shape
    taps, dilation = kernel.shape[2], op.options["dilationWFactor"]
    if kernel.shape[1] > 1:
        taps, dilation = recordings, frames
    if kernel.shape != (1, kernel.shape[1], kernel.shape[2], width):
        op.refuse(f"has a kernel {list(kernel.shape)} for {width} channels")
    flat = data_of(kernel).reshape(taps, width)
    channels = _Channels.of(op, source, kernel, flat.T, flat)
    return _for_each_recording(
        op, source, channels, "fqss_depthwise",
        f"{width}, {taps}, {dilation}, &channels_{op.index}",
        macs_a_frame=width * taps,
    )


def _for_each_recording(
    op: Op, source: Tensor, channels: "_Channels", function: str, arguments: str,
    macs_a_frame: int, scratch: int = 0,
) -> list[Call]:
    """Calls of a C function with ``arguments`` behind input, output and frames."""
    _, rows, frames, _ = op.output.shape
    return [
        Call(
            f"{function}({{t{source.index}:{item * row(source.shape, 2)}}}, "
            f"{{t{op.output.index}:{item * row(op.output.shape, 2)}}}, {frames}, {arguments});",
            (source.index,), op.output.index,
            channels.definitions(op.index) if item == 0 else (),
            channels.bytes if item == 0 else 0,
            scratch=scratch, macs=frames * macs_a_frame,
        )
        for item in range(rows)
    ]


def _convolved(op: Op, over_recordings: bool = False) -> tuple[Tensor, Tensor]:
    """Input and kernel of a convolution, after all checks that both kinds share.

    It is along frames, or, if that is allowed, over all recordings.
    """
    if len(op.inputs) != 3:
        op.refuse("has no bias")
    source, kernel, bias = op.inputs
    if kernel.data is None or bias.data is None or source.data is not None:
        op.refuse("has a kernel that is no constant")
    for name in ("strideW", "strideH"):
        if op.options[name] != 1:
            op.refuse(f"has stride {op.options[name]}, plain C knows 1 only")
    if data_of(kernel).dtype != np.int8 or data_of(bias).dtype != np.int32:
        op.refuse("has a kernel that is not int8, or a bias that is not int32")
    if len(kernel.shape) != 4 or len(source.shape) != 4 or source.shape[0] != 1:
        op.refuse("is not of one recording of four axes")
    high = kernel.shape[1]
    if high != 1 and not (over_recordings and high == source.shape[1] and kernel.shape[2] == 1):
        op.refuse(f"has a kernel {high} high, plain C knows 1 only")
    seen = (kernel.shape[2] - 1) * op.options["dilationWFactor"]
    if op.options["padding"] != VALID and seen:
        op.refuse("pads its input, plain C does not")
    expected = (1, source.shape[1] - high + 1, source.shape[2] - seen)
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
        bias = data_of(op.inputs[2]).astype(np.int64)
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
        return cls(stored, folded, multipliers, op.output.zero_point, least_code(op))

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
