"""Shapes of ``[B, H, T, C]`` that fit a stride or a transformer, and back."""

from collections.abc import Sequence
from typing import Any

import tensorflow as tf
import tf_keras as keras

from fqss_tf.layers.chunks import dimensions
from fqss_tf.types import Json, Tensor, TensorShape


@keras.saving.register_keras_serializable("fqss_tf")
class FillToMultiple(keras.layers.Layer):
    """Zeros behind ``[B, H, T, C]``, until T is a multiple of ``step``."""

    def __init__(self, step: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.step = step

    def call(self, inputs: Tensor) -> Tensor:
        missing = -dimensions(inputs)[2] % self.step
        if isinstance(missing, int) and not missing:
            return tf.identity(inputs)  # an op that pads with nothing would copy it
        return tf.pad(inputs, [[0, 0], [0, 0], [0, missing], [0, 0]])

    def compute_output_shape(self, shape: TensorShape) -> TensorShape:
        length = None if shape[2] is None else -(-shape[2] // self.step) * self.step
        return tf.TensorShape([*shape[:2], length, shape[3]])

    def get_config(self) -> Json:
        return {**super().get_config(), "step": self.step}


@keras.saving.register_keras_serializable("fqss_tf")
class CutTo(keras.layers.Layer):
    """``[B, H, T, C]`` and ``[B, H, L, ...]`` -> L frames of the first from number ``start`` on."""

    def __init__(self, start: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.start = start

    def call(self, inputs: Sequence[Tensor]) -> Tensor:
        values, reference = inputs
        length = dimensions(reference)[2]
        if not self.start and isinstance(length, int) and length == values.shape[2]:
            return tf.identity(values)
        return values[:, :, self.start : self.start + length]

    def compute_output_shape(self, shapes: Sequence[TensorShape]) -> TensorShape:
        values, reference = shapes
        return tf.TensorShape([*values[:2], reference[2], values[3]])

    def get_config(self) -> Json:
        return {**super().get_config(), "start": self.start}


@keras.saving.register_keras_serializable("fqss_tf")
class ToRow(keras.layers.Layer):
    """``[B, H, T, C] -> [B, 1, H * T, C]``: all rows in one, one after the other."""

    def call(self, inputs: Tensor) -> Tensor:
        batch, rows, length, channels = dimensions(inputs)
        return tf.reshape(inputs, [batch, 1, rows * length, channels])

    def compute_output_shape(self, shape: TensorShape) -> TensorShape:
        batch, rows, length, channels = tf.TensorShape(shape).as_list()
        return tf.TensorShape([batch, 1, length and rows * length, channels])


@keras.saving.register_keras_serializable("fqss_tf")
class FromRow(keras.layers.Layer):
    """``[B, 1, H * T, C]`` and ``[B, H, T, ...]`` -> ``[B, H, T, C]``, which ``ToRow`` undoes."""

    def call(self, inputs: Sequence[Tensor]) -> Tensor:
        row, reference = inputs
        batch, rows, length, _ = dimensions(reference)
        return tf.reshape(row, [batch, rows, length, row.shape[-1]])

    def compute_output_shape(self, shapes: Sequence[TensorShape]) -> TensorShape:
        row, reference = shapes
        return tf.TensorShape([*reference[:3], row[3]])
