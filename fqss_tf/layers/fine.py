"""A tensor in two 8-bit parts: small values in fine steps, the rest in coarse ones.

``value = fine / STRETCH + coarse``. The fine part saturates where the value is beyond ``LIMIT``,
and the coarse part is what is beyond, 0 for all others. Both have the steps of samples, 1/128, so
that a small value has steps of 1/2048.
"""

from typing import Any

import tensorflow as tf
import tf_keras as keras

from fqss_tf.layers.constants import int8_constant
from fqss_tf.layers.inner import WithInnerTensors
from fqss_tf.types import Json, Tensor, TensorShape

STRETCH_BITS = 4
STRETCH = 2**STRETCH_BITS
LIMIT = 1 / STRETCH


@keras.saving.register_keras_serializable("fqss_tf")
class FineProduct(WithInnerTensors):
    """``[factor, other] -> STRETCH * factor * other``, cut off at -1 and 1, where 8 bits end.

    In integers the factor is stretched first: same codes, larger scale. The range of the stretched
    factor is the inner tensor ``stretched``.
    """

    inner_tensors = ("stretched",)

    def call(self, inputs: list[Tensor]) -> Tensor:
        factor, other = inputs
        if self.mode == "calibrate":
            return tf.clip_by_value(STRETCH * factor * other, -1, 1)
        stretch = int8_constant(STRETCH) if self.mode == "deploy" else STRETCH
        return self.inner_activations["stretched"](factor * stretch) * other

    def compute_output_shape(self, input_shape: list[TensorShape]) -> TensorShape:
        return tf.broadcast_static_shape(*map(tf.TensorShape, input_shape))


@keras.saving.register_keras_serializable("fqss_tf")
class Saturated(keras.layers.Layer):
    """Cuts values off at ``-limit`` and ``limit``.

    In 8 bits it does nothing: the tensor that it reads has the range ``[-limit, limit)``, so that
    the op that makes it cuts off.
    """

    def __init__(self, limit: float = 1.0, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.limit = limit
        self.mode = "calibrate"

    def call(self, inputs: Tensor) -> Tensor:
        if self.mode == "calibrate":
            return tf.clip_by_value(inputs, -self.limit, self.limit)
        return inputs

    def get_config(self) -> Json:
        return {**super().get_config(), "limit": self.limit}

    def compute_output_shape(self, input_shape: TensorShape) -> TensorShape:
        return input_shape


@keras.saving.register_keras_serializable("fqss_tf")
class CoarsePart(WithInnerTensors):
    """What values have beyond ``LIMIT``, at either side of 0. Exact in codes of 1/128."""

    inner_tensors = ("above", "below")

    def call(self, inputs: Tensor) -> Tensor:
        limit = int8_constant(-LIMIT) if self.mode == "deploy" else -LIMIT
        above = self.inner_activations["above"](tf.nn.relu(inputs + limit))
        below = self.inner_activations["below"](tf.nn.relu(limit - inputs))
        return above - below

    def compute_output_shape(self, input_shape: TensorShape) -> TensorShape:
        return input_shape
