"""What a global layer norm measures, one layer each: all are ``[B, 1, 1, 1]``.

Quantized, the mean and the variance of many frames are those of a quarter (``read_frames``).

The weight ``scales`` of a layer says what each channel of its input has been divided by, to give
channels one range: the statistics are of the channels as they were.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import tensorflow as tf
import tf_keras as keras
from numpy.typing import NDArray

from fqss_tf.layers.energy import (
    mean_in_steps,
    read_frames,
    weighted_mean,
    weighted_mean_square,
)
from fqss_tf.layers.norm import rsqrt
from fqss_tf.types import Activation, Json, Tensor, TensorShape


class _Statistic(keras.layers.Layer):
    """``inner_tensors`` as in GlobalLayerNorm."""

    inner_tensors: tuple[str, ...] = ()
    non_negative_tensors: tuple[str, ...] = ()

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.mode = "calibrate"
        self.inner_activations: dict[str, Activation] = {
            name: keras.activations.linear for name in self.inner_tensors
        }
        self.quantized = False

    def _add_scales(self, channels: int) -> None:
        self.scales = self.add_weight("scales", (channels,), initializer="ones", trainable=False)

    def _channel_scales(self) -> Tensor | NDArray[np.float32]:
        """Numbers where the graph is for export, whose converter wants constants."""
        if self.mode != "deploy":
            return tf.convert_to_tensor(self.scales)
        with tf.init_scope():
            return self.scales.numpy()


@keras.saving.register_keras_serializable("fqss_tf")
class ItemMean(_Statistic):
    """Mean over time and channels of each item: ``[B, 1, T, C]`` -> ``[B, 1, 1, 1]``."""

    inner_tensors = ("channel_mean",)

    def build(self, input_shape: TensorShape) -> None:
        self._add_scales(input_shape[-1])

    def call(self, inputs: Tensor) -> Tensor:
        if not self.quantized:
            return mean_in_steps(inputs, lambda means: means * self.scales, (1, 2, 3))
        weights = self._channel_scales() / inputs.shape[-1]
        channel_mean = self.inner_activations["channel_mean"]
        return weighted_mean(read_frames(inputs, self.mode), weights, channel_mean)


@keras.saving.register_keras_serializable("fqss_tf")
class ItemVariance(_Statistic):
    """Population variance of each item, from ``[x, mean of x]``: ``[B, 1, 1, 1]``.

    E[x^2] - E[x]^2: unlike E[(x - E[x])^2] it needs no pass that subtracts.

    Args:
        epsilon: added in float, as in GlobalLayerNorm.
    """

    inner_tensors = non_negative_tensors = ("energy", "mean_square", "squared_mean")

    def __init__(self, epsilon: float = 1e-8, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.epsilon = epsilon

    def build(self, input_shapes: Sequence[TensorShape]) -> None:
        self._add_scales(input_shapes[0][-1])

    def call(self, inputs: Sequence[Tensor]) -> Tensor:
        values, mean = inputs
        inner = self.inner_activations
        if not self.quantized:
            # A float32 sum of millions would be wrong in its fifth digit.
            power = mean_in_steps(
                values * values, lambda powers: powers * self.scales * self.scales, (1, 2, 3)
            )
            return tf.nn.relu(power - mean * mean) + self.epsilon
        values = read_frames(values, self.mode)
        weights = self._channel_scales() ** 2 / values.shape[-1]
        as_product = self.mode == "deploy" and values.shape.is_fully_defined()
        power = weighted_mean_square(values, weights, inner, as_product)
        # An 8-bit variance is cut off at 0 by its range.
        return power - inner["squared_mean"](mean * mean)

    def get_config(self) -> Json:
        return {**super().get_config(), "epsilon": self.epsilon}


@keras.saving.register_keras_serializable("fqss_tf")
class ReciprocalRoot(keras.layers.Layer):
    """1/sqrt(x) of each value."""

    def call(self, inputs: Tensor, training: bool = False) -> Tensor:
        return (rsqrt if training else tf.math.rsqrt)(inputs)
