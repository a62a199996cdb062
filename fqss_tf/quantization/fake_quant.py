"""TensorFlow's FakeQuant, which the converter understands, with the gradient of a learned step."""

from collections.abc import Callable
from typing import Any

import tensorflow as tf

from fqss_tf.types import Tensor

HALF_STEP = 0.501  # of a range that is rounded to whole steps, with room for the last digit


def fake_quantize(
    x: Tensor, minimum: Tensor, maximum: Tensor, bits: int = 8, narrow: bool = False,
    training: bool = True,
) -> Tensor:
    """Rounds ``x`` to the integers of [minimum, maximum]; the range is nudged to contain 0 exactly.

    Gradient: straight through inside the nudged range. The range gets what is clipped, and from
    what is inside the rounding error, because a change of the range moves every rounded value (LSQ,
    Esser et al. 2020). The authors' code does the same, but counts half a step beyond as inside.

    Args:
        x: any shape.
        minimum: scalar, at most 0.
        maximum: scalar, at least 0.
        bits: 2 to 16.
        narrow: use [-127, 127] instead of [-128, 127].
        training: False leaves the gradient out, which makes graphs for export much smaller.
    """
    kernels = (
        tf.quantization.fake_quant_with_min_max_vars,
        tf.quantization.fake_quant_with_min_max_vars_gradient,
    )
    return _fake_quantize(*kernels, x, minimum, maximum, bits, narrow, training)


def fake_quantize_per_channel(
    x: Tensor, maximum: Tensor, bits: int = 8, training: bool = True
) -> Tensor:
    """Symmetric narrow fake quantization with one ``maximum`` per last-axis channel."""
    kernels = (
        tf.quantization.fake_quant_with_min_max_vars_per_channel,
        tf.quantization.fake_quant_with_min_max_vars_per_channel_gradient,
    )
    return _fake_quantize(*kernels, x, -maximum, maximum, bits, True, training)


def _fake_quantize(
    kernel: Any, gradient_kernel: Any, x: Tensor, minimum: Tensor, maximum: Tensor, bits: int,
    narrow: bool, training: bool,
) -> Tensor:
    options = {"num_bits": bits, "narrow_range": narrow}

    @tf.custom_gradient
    def with_gradient(
        x: Tensor, minimum: Tensor, maximum: Tensor
    ) -> tuple[Tensor, Callable[[Tensor], tuple[Tensor, Tensor, Tensor]]]:
        y = kernel(x, minimum, maximum, **options)

        def gradient(upstream: Tensor) -> tuple[Tensor, Tensor, Tensor]:
            # One kernel does the clipping: the same in plain ops takes three times as long.
            to_x, to_minimum, to_maximum = gradient_kernel(
                upstream, x, minimum, maximum, **options
            )
            axes = list(range(x.shape.rank - 1)) if minimum.shape.rank == 1 else None
            # to_x is zero outside the range, where there is clipping instead of rounding.
            rounding = tf.reduce_sum(to_x * (y - x), axis=axes) / (maximum - minimum)
            return to_x, to_minimum - rounding, to_maximum + rounding

        return y, gradient

    if training:
        return with_gradient(x, minimum, maximum)
    return kernel(x, minimum, maximum, **options)


def off_zero(low: Tensor, high: Tensor, bits: int) -> Tensor:
    """Returns the minimum of a range, lowered by about a step if the zero point would be 0.

    XNNPACK takes the product of a tensor with itself if its zero point is 0, and can need hundreds
    of times as long for it as LiteRT's own kernel (docs/explain/measured.md).
    """
    steps, middle = 2**bits - 1, 2 ** (bits - 1)
    at_zero = tf.abs(-low * steps / (high - low) - middle) <= HALF_STEP
    return tf.where(at_zero, -high * (middle + 1) / (steps - middle - 1), low)
