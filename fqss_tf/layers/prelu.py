"""PReLU with one slope for everything, as the published networks have it."""

from typing import Any

import tensorflow as tf
import tf_keras as keras

from fqss_tf.layers.constants import int8_constant
from fqss_tf.types import Activation, Json, Tensor, TensorShape


@keras.saving.register_keras_serializable("fqss_tf")
class ScalarPReLU(keras.layers.Layer):
    """max(x, 0) + slope * min(x, 0), one trained scalar ``slope`` (0.25 at first).

    Quantization and export freeze the slope: ``FixedSlopePReLU``.
    """

    def build(self, input_shape: TensorShape) -> None:
        self.slope = self.add_weight(
            "slope", (), initializer=keras.initializers.Constant(0.25)
        )

    def call(self, inputs: Tensor) -> Tensor:
        return tf.maximum(inputs, 0) + self.slope * tf.minimum(inputs, 0)

    def compute_output_shape(self, input_shape: TensorShape) -> TensorShape:
        return input_shape


@keras.saving.register_keras_serializable("fqss_tf")
class FixedSlopePReLU(keras.layers.Layer):
    """PReLU of a constant ``slope``, in integer ops that all kernels round alike.

    The float graph has LeakyReLU. The int8 LEAKY_RELU is rounded otherwise by each kernel set
    (docs/explain/measured.md). So the integer graph adds what is missing on the negative side:
    ``x + relu((slope - 1) x)``, a product and a sum. Input and output have one range: then the sum
    is exact.

    ``inner_tensors`` as in GlobalLayerNorm: ``value`` is the input and the output, ``negative`` is
    what is added. Where the layer before has a quantizer, ``value`` may be left out.
    """

    inner_tensors: tuple[str, ...] = ("value", "negative")
    non_negative_tensors: tuple[str, ...] = ("negative",)

    def __init__(self, slope: float = 0.25, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.slope = slope
        self.mode = "calibrate"
        self.inner_activations: dict[str, Activation] = {
            name: keras.activations.linear for name in self.inner_tensors
        }
        self.quantized = False

    def call(self, inputs: Tensor) -> Tensor:
        if not self.quantized:
            return tf.nn.leaky_relu(inputs, self.slope)
        value = self.inner_activations.get("value", keras.activations.linear)
        if self.mode == "calibrate":
            self._added(inputs)
            return value(tf.stack([tf.nn.leaky_relu(inputs, self.slope), inputs]))[0]
        inputs = value(inputs)
        if self.slope > 1:
            return value(inputs - self._added(inputs))
        return value(inputs + self._added(inputs))

    def _added(self, inputs: Tensor) -> Tensor:
        """|slope - 1| times the magnitude of negative inputs."""
        factor = max(abs(self.slope - 1), 1e-6)
        return self.inner_activations["negative"](tf.nn.relu(inputs * int8_constant(-factor)))

    def compute_output_shape(self, input_shape: TensorShape) -> TensorShape:
        return input_shape

    def get_config(self) -> Json:
        return {**super().get_config(), "slope": self.slope}
