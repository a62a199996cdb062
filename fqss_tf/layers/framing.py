"""Between samples, blocks of ``hop`` samples, and frames; blocks are free reshapes.

A strided one-channel convolution of kernel ``taps * hop`` equals a ``taps``-tap convolution over
blocks of ``hop`` samples, and the transposed convolution likewise. The integer runtime has fast
kernels for the plain form only.
"""

from collections.abc import Sequence
from typing import Any

import tensorflow as tf
import tf_keras as keras

from fqss_tf.types import Json, Tensor, TensorShape


def _reshape(inputs: Tensor, shape: Sequence[int | None]) -> Tensor:
    """``tf.reshape`` to a shape with None for the batch, the time, or both."""
    unknown = sum(size is None for size in shape)
    target = [-1 if size is None else size for size in shape]
    if unknown > 1:
        target[0] = tf.shape(inputs)[0]
    outputs = tf.reshape(inputs, target)
    outputs.set_shape(shape)
    return outputs


@keras.saving.register_keras_serializable("fqss_tf")
class SamplesToBlocks(keras.layers.Layer):
    """``[B, H, T, C] -> [B, H, T // hop, hop * C]``, T a multiple of ``hop``."""

    def __init__(self, hop: int, **kwargs: Any) -> None:
        super().__init__(autocast=False, **kwargs)
        self.hop = hop

    def call(self, inputs: Tensor) -> Tensor:
        return _reshape(inputs, self.compute_output_shape(inputs.shape).as_list())

    def compute_output_shape(self, shape: TensorShape) -> TensorShape:
        blocks = None if shape[2] is None else shape[2] // self.hop
        return tf.TensorShape([shape[0], shape[1], blocks, self.hop * shape[3]])

    def get_config(self) -> Json:
        return {**super().get_config(), "hop": self.hop}


@keras.saving.register_keras_serializable("fqss_tf")
class BlocksToFrames(keras.layers.Layer):
    """``[B, H, L, hop] -> [B, H, L - taps + 1, taps * hop]``: the samples under each kernel."""

    def __init__(self, taps: int, **kwargs: Any) -> None:
        super().__init__(autocast=False, **kwargs)
        self.taps = taps

    def call(self, inputs: Tensor) -> Tensor:
        last = self.taps - 1
        parts = [inputs[:, :, tap : tap - last] for tap in range(last)]
        return tf.concat([*parts, inputs[:, :, last:]], axis=3)

    def compute_output_shape(self, shape: TensorShape) -> TensorShape:
        frames = None if shape[2] is None else shape[2] - self.taps + 1
        return tf.TensorShape([shape[0], shape[1], frames, self.taps * shape[3]])

    def get_config(self) -> Json:
        return {**super().get_config(), "taps": self.taps}


@keras.saving.register_keras_serializable("fqss_tf")
class BlocksToSamples(keras.layers.Layer):
    """``[B, H, L, hop * C] -> [B, H, L * hop, C]``, C the ``channels``."""

    def __init__(self, channels: int = 1, **kwargs: Any) -> None:
        super().__init__(autocast=False, **kwargs)
        self.channels = channels

    def call(self, inputs: Tensor) -> Tensor:
        return _reshape(inputs, self.compute_output_shape(inputs.shape).as_list())

    def compute_output_shape(self, shape: TensorShape) -> TensorShape:
        samples = None if shape[2] is None else shape[2] * (shape[3] // self.channels)
        return tf.TensorShape([shape[0], shape[1], samples, self.channels])

    def get_config(self) -> Json:
        return {**super().get_config(), "channels": self.channels}
