"""Sums of samples with weights that are whole numbers of steps: exact in integers."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import tensorflow as tf
import tf_keras as keras

from fqss_tf.types import Json, Tensor, TensorShape

LARGEST_STEPS = 127  # of an 8-bit weight


@keras.saving.register_keras_serializable("fqss_tf")
class SampleSum(keras.layers.Layer):
    """``[B, K, L, hop] -> [B, 1, L, hop]``: the sum over K with a weight for each, and an offset.

    One depthwise convolution, which adds up in 32 bits. Nothing is trained.

    Args:
        steps: the K weights, in whole steps, each from -127 to 127.
        step: what a step is worth.
        offset: added to the sum.
    """

    def __init__(
        self, steps: Sequence[int], step: float, offset: float = 0.0, **kwargs: Any
    ) -> None:
        super().__init__(autocast=False, **kwargs)
        self.steps, self.step, self.offset = list(steps), step, offset

    def call(self, inputs: Tensor) -> Tensor:
        hop = inputs.shape[3]
        weights = np.array(self.steps, np.float32)[:, None, None, None] * self.step
        # Without effect on the values; tells the converter which integers they are.
        kernel = tf.quantization.fake_quant_with_min_max_args(
            np.broadcast_to(weights, (len(self.steps), 1, hop, 1)),
            -LARGEST_STEPS * self.step, LARGEST_STEPS * self.step, narrow_range=True,
        )
        total = tf.nn.depthwise_conv2d(inputs, kernel, (1, 1, 1, 1), "VALID")
        return total + np.full(hop, self.offset, np.float32) if self.offset else total

    def compute_output_shape(self, shape: TensorShape) -> TensorShape:
        return tf.TensorShape([shape[0], 1, *shape[2:]])

    def get_config(self) -> Json:
        own = {"steps": self.steps, "step": self.step, "offset": self.offset}
        return {**super().get_config(), **own}


def copies_for(weight: float, step: float) -> int:
    """Returns how many copies of a tensor are needed for a weight of whole steps."""
    return -(-round(abs(weight) / step) // LARGEST_STEPS)


def in_steps(weight: float, step: float, copies: int) -> list[int]:
    """Returns the weights of so many copies of a tensor, in steps, which add up to ``weight``.

    Args:
        weight: a whole number of steps.
        step: as of ``SampleSum``.
        copies: at least ``copies_for`` it.
    """
    each, rest = divmod(round(abs(weight) / step), copies)
    sign = 1 if weight > 0 else -1
    return [sign * (each + (index < rest)) for index in range(copies)]
