"""Input splitter and output combiner: a 16-bit waveform as several 8-bit tensors (paper, III)."""

from collections.abc import Sequence
from typing import Any

import tensorflow as tf
import tf_keras as keras

from fqss_tf.formats import WAVEFORM_STEPS
from fqss_tf.types import Json, Tensor, TensorShape


@keras.saving.register_keras_serializable("fqss_tf")
class Splitter(keras.layers.Layer):
    """``[B, 1, T, C] -> [B, 1, T, planes * C]``: floored to 8 bits, the stretched remainder, ...

    The channels of a plane lie together. Every plane is a multiple of 1/128 in [-1, 127/128]. For
    two planes and 16-bit PCM the planes are the high byte and the low byte less 128. One plane
    passes its input on: its quantizer rounds it.
    """

    def __init__(self, planes: int, **kwargs: Any) -> None:
        super().__init__(autocast=False, **kwargs)
        self.planes = planes

    def call(self, inputs: Tensor) -> Tensor:
        if self.planes == 1:
            return tf.identity(inputs)
        remainder, planes = inputs, []
        for _ in range(self.planes):
            level = tf.clip_by_value(tf.floor(remainder * WAVEFORM_STEPS), -128, 127)
            planes.append(level / WAVEFORM_STEPS)
            remainder = 2 * (remainder * WAVEFORM_STEPS - level) - 1
        return tf.concat(planes, axis=-1)

    def compute_output_shape(self, shape: TensorShape) -> TensorShape:
        return tf.TensorShape([*shape[:3], shape[3] * self.planes])

    def get_config(self) -> Json:
        return {**super().get_config(), "planes": self.planes}


@keras.saving.register_keras_serializable("fqss_tf")
class TakePlane(keras.layers.Layer):
    """``[B, H, T, K * C] -> [B, H, T, C]``: the ``channels`` C of plane number ``plane``."""

    def __init__(self, plane: int, channels: int = 1, **kwargs: Any) -> None:
        super().__init__(autocast=False, **kwargs)
        self.plane = plane
        self.channels = channels

    def call(self, inputs: Tensor) -> Tensor:
        return inputs[..., self.plane * self.channels : (self.plane + 1) * self.channels]

    def compute_output_shape(self, shape: TensorShape) -> TensorShape:
        return tf.TensorShape([*shape[:3], self.channels])

    def get_config(self) -> Json:
        return {**super().get_config(), "plane": self.plane, "channels": self.channels}


@keras.saving.register_keras_serializable("fqss_tf")
class Combiner(keras.layers.Layer):
    """The splitter's inverse: planes ``[B, S, T, C]`` -> their sum, of the same shape.

    Each plane is worth 1/256 of the one before. With two 8-bit planes at scale 1/128 this is
    ``(y0 << 8) + y1 + 128``: 16-bit PCM.
    """

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(autocast=False, **kwargs)

    def call(self, inputs: Tensor | Sequence[Tensor]) -> Tensor:
        first, *further = tf.nest.flatten(inputs)
        return first + sum((plane + 1) / 256**k for k, plane in enumerate(further, start=1))

    def compute_output_shape(self, shape: TensorShape | list[TensorShape]) -> TensorShape:
        return tf.TensorShape(shape[0] if isinstance(shape, list) else shape)
