"""ReLU of a tensor that is read as it is, too."""

from typing import Any

import tensorflow as tf
import tf_keras as keras

from fqss_tf.layers.constants import int8_constant
from fqss_tf.types import Tensor, TensorShape

# The converter leaves out a product with 1, and any code times this rounds to itself.
ALMOST_1 = 1 - 2.0**-20


@keras.saving.register_keras_serializable("fqss_tf")
class Rectify(keras.layers.Layer):
    """max(x, 0), which no convolution before it can have as its activation.

    XNNPACK has no int8 RELU, and LiteRT's own is slow. So the exported graph has a product with 1,
    or nearly, whose activation is the ReLU: input and output have one scale, and no code changes.

    ``mode`` is that of the quantizers.
    """

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.mode = "calibrate"

    def call(self, inputs: Tensor) -> Tensor:
        return tf.nn.relu(inputs * int8_constant(ALMOST_1) if self.mode == "deploy" else inputs)

    def compute_output_shape(self, input_shape: TensorShape) -> TensorShape:
        return input_shape
