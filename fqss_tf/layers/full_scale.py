"""Between numbers of any size and those of samples, [-1, 1), which 8-bit planes stand for."""

import tensorflow as tf
import tf_keras as keras

from fqss_tf.types import Tensor, TensorShape


class _Ranged(keras.layers.Layer):
    """The weight ``bound``, which is never trained: what has it becomes 1. It begins as 1."""

    def build(self, input_shape: TensorShape) -> None:
        self.bound = self.add_weight("bound", (), initializer="ones", trainable=False)
        super().build(input_shape)

    def compute_output_shape(self, shape: TensorShape) -> TensorShape:
        return tf.TensorShape(shape)


@keras.saving.register_keras_serializable("fqss_tf")
class OverBound(_Ranged):
    """``inputs / bound``."""

    def call(self, inputs: Tensor) -> Tensor:
        return inputs / self.bound


@keras.saving.register_keras_serializable("fqss_tf")
class TimesBound(_Ranged):
    """``inputs * bound``."""

    def call(self, inputs: Tensor) -> Tensor:
        return inputs * self.bound
