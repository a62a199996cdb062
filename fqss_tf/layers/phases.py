"""Phases of a transposed convolution, as a plain convolution makes them, put in their places.

Kernels 8 long with a stride of 4, cut by 2 at both ends, are plain kernels of 3 with four times the
channels. The integer runtime adds up a plain convolution in 32 bits, with a scale for each channel.
"""

from typing import Any

import tensorflow as tf
import tf_keras as keras

from fqss_tf.layers.chunks import dimensions
from fqss_tf.types import Json, Tensor, TensorShape


class _Phases(keras.layers.Layer):
    """``count``: of the phases; their channels lie together."""

    def __init__(self, count: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.count = count

    def get_config(self) -> Json:
        return {**super().get_config(), "count": self.count}


@keras.saving.register_keras_serializable("fqss_tf")
class PhasesToRows(_Phases):
    """``[B, H, T, N * C] -> [B, N * H, T, C]``: phase p of row h is row N h + p."""

    def call(self, inputs: Tensor) -> Tensor:
        batch, rows, length, channels = dimensions(inputs)
        width = channels // self.count
        apart = tf.reshape(inputs, [batch * rows, length, self.count, width])
        apart = tf.transpose(apart, [0, 2, 1, 3])
        return tf.reshape(apart, [batch, rows * self.count, length, width])

    def compute_output_shape(self, shape: TensorShape) -> TensorShape:
        batch, rows, length, channels = tf.TensorShape(shape).as_list()
        return tf.TensorShape([batch, rows * self.count, length, channels // self.count])


@keras.saving.register_keras_serializable("fqss_tf")
class PhasesToFrames(_Phases):
    """``[B, H, T, N * C] -> [B, H, N * T, C]``: phase p of frame t is frame N t + p."""

    def call(self, inputs: Tensor) -> Tensor:
        batch, rows, length, channels = dimensions(inputs)
        return tf.reshape(inputs, [batch, rows, length * self.count, channels // self.count])

    def compute_output_shape(self, shape: TensorShape) -> TensorShape:
        batch, rows, length, channels = tf.TensorShape(shape).as_list()
        longer = None if length is None else length * self.count
        return tf.TensorShape([batch, rows, longer, channels // self.count])
