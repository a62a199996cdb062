"""Halves of the channels that gate each other."""

import tensorflow as tf
import tf_keras as keras

from fqss_tf.types import Tensor, TensorShape


@keras.saving.register_keras_serializable("fqss_tf")
class GatedLinearUnit(keras.layers.Layer):
    """``[..., 2 C] -> [..., C]``: the first half times the sigmoid of the second."""

    def call(self, inputs: Tensor) -> Tensor:
        value, gate = tf.split(inputs, 2, axis=-1)
        return value * tf.sigmoid(gate)

    def compute_output_shape(self, shape: TensorShape) -> TensorShape:
        return tf.TensorShape([*shape[:-1], shape[-1] // 2])
