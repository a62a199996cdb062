"""ELU in integers."""

import tensorflow as tf
import tf_keras as keras

from fqss_tf.layers.constants import int8_constant
from fqss_tf.layers.inner import WithInnerTensors
from fqss_tf.layers.rectify import ALMOST_1
from fqss_tf.types import Tensor, TensorShape


@keras.saving.register_keras_serializable("fqss_tf")
class ComposedElu(WithInnerTensors):
    """``max(x, 0) + (exp(min(x, 0)) - 1)``, the ELU, in ops that all kernel sets have in int8.

    LiteRT's reference kernels have no ELU, and TensorFlow's converter leaves it in floats. EXP is a
    table of 256 results. ``positive`` and ``negative`` are codes of the input, and ``below`` those
    of ``exponential``, so that only the exponential and the sum are rounded.
    """

    inner_tensors = ("positive", "negative", "exponential", "below")

    def call(self, inputs: Tensor) -> Tensor:
        deployed = self.mode == "deploy"
        rounded = self.inner_activations
        positive = tf.nn.relu(inputs * int8_constant(ALMOST_1) if deployed else inputs)
        negative = rounded["negative"](tf.minimum(inputs, 0.0))
        exponential = rounded["exponential"](tf.exp(negative))
        below = rounded["below"](exponential + (int8_constant(-1.0) if deployed else -1.0))
        return rounded["positive"](positive) + below

    def compute_output_shape(self, shape: TensorShape) -> TensorShape:
        return tf.TensorShape(shape)
