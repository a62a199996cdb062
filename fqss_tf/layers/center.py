"""Values relative to what they are on average."""

import tensorflow as tf
import tf_keras as keras

from fqss_tf.types import Tensor, TensorShape


@keras.saving.register_keras_serializable("fqss_tf")
class FromMean(keras.layers.Layer):
    """``inputs - mean`` for a mean of each channel."""

    def build(self, input_shape: TensorShape) -> None:
        self.mean = self.add_weight("mean", (input_shape[-1],), initializer="zeros")
        super().build(input_shape)

    def call(self, inputs: Tensor) -> Tensor:
        return inputs - self.mean

    def compute_output_shape(self, shape: TensorShape) -> TensorShape:
        return tf.TensorShape(shape)
