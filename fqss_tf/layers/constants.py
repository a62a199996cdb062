"""Constants of an int8 graph."""

import numpy as np
import tensorflow as tf

from fqss_tf.types import FloatArray, Tensor


def int8_constant(values: float | FloatArray) -> Tensor:
    """``values`` as a fake-quantized constant: each is 0, or plus or minus one same magnitude."""
    largest = float(np.abs(values).max())
    return tf.quantization.fake_quant_with_min_max_args(
        tf.constant(values, tf.float32), -largest, largest, narrow_range=True
    )


def int8_weights(weights: FloatArray | Tensor, repeats: int = 1, divisor: float = 1) -> Tensor:
    """Positive ``weights`` [N] of a sum as a fake-quantized kernel [1, 1, N * repeats, 1].

    They are rounded together: what one loses or gains, the next one makes up for. Rounded one by
    one, the many small ones beside a large one would all be 0, and the sum too small.

    Args:
        weights: numbers, or the tensor that they are in training.
        repeats: each weight so many times, one behind the other.
        divisor: of all weights, after rounding.
    """
    if tf.is_tensor(weights):
        step = tf.reduce_max(weights) / 126
        sums = tf.round(tf.cumsum(weights) / step)
        rounded = tf.concat([sums[:1], sums[1:] - sums[:-1]], axis=0) * step
        return tf.quantization.fake_quant_with_min_max_vars(
            rounded[None, None, :, None], -127 * step, 127 * step, narrow_range=True
        )
    step = float(weights.max()) / 126
    rounded = np.diff(np.round(np.cumsum(weights) / step), prepend=0)
    rounded = np.repeat(rounded, repeats)[None, None, :, None] * step / divisor
    step = step / divisor
    return tf.quantization.fake_quant_with_min_max_args(
        tf.constant(rounded, tf.float32), -127 * step, 127 * step, narrow_range=True
    )
