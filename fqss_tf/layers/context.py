"""What a causal network keeps of the past, as layers of the whole-recording network.

``PastContext`` and ``Delay`` begin with zeros. A streaming model of the same network
(``fqss_tf.export.streaming_graph``) takes the frames of the step before instead, and leaves out
``Lookahead`` and ``SkipStart``, which make up for the delays at the two ends of a recording.
"""

from typing import Any

import tensorflow as tf
import tf_keras as keras

from fqss_tf.types import Json, Tensor, TensorShape


class _Frames(keras.layers.Layer):
    """A layer that adds, drops or shifts a number of frames along T of ``[B, H, T, C]``."""

    def __init__(self, frames: int, **kwargs: Any) -> None:
        super().__init__(autocast=False, **kwargs)
        self.frames = frames

    def _longer(self, shape: TensorShape, frames: int) -> TensorShape:
        length = None if shape[2] is None else shape[2] + frames
        return tf.TensorShape([shape[0], shape[1], length, shape[3]])

    def get_config(self) -> Json:
        return {**super().get_config(), "frames": self.frames}


@keras.saving.register_keras_serializable("fqss_tf")
class PastContext(_Frames):
    """``[B, H, T, C] -> [B, H, frames + T, C]``: what was before, zeros, in front.

    A convolution without padding behind it is causal.
    """

    def call(self, inputs: Tensor) -> Tensor:
        return tf.pad(inputs, [[0, 0], [0, 0], [self.frames, 0], [0, 0]])

    def compute_output_shape(self, shape: TensorShape) -> TensorShape:
        return self._longer(shape, self.frames)


@keras.saving.register_keras_serializable("fqss_tf")
class Delay(_Frames):
    """``[B, H, T, C]`` of the same shape, ``frames`` later: zeros first, the last frames lost.

    T is at least ``frames``.
    """

    def call(self, inputs: Tensor) -> Tensor:
        return tf.pad(inputs[:, :, : -self.frames], [[0, 0], [0, 0], [self.frames, 0], [0, 0]])

    def compute_output_shape(self, shape: TensorShape) -> TensorShape:
        return tf.TensorShape(shape)


@keras.saving.register_keras_serializable("fqss_tf")
class Lookahead(_Frames):
    """``[B, H, T, C] -> [B, H, T + frames, C]``: zeros behind, for as long as the output lags."""

    def call(self, inputs: Tensor) -> Tensor:
        return tf.pad(inputs, [[0, 0], [0, 0], [0, self.frames], [0, 0]])

    def compute_output_shape(self, shape: TensorShape) -> TensorShape:
        return self._longer(shape, self.frames)


@keras.saving.register_keras_serializable("fqss_tf")
class SkipStart(_Frames):
    """``[B, H, T, C] -> [B, H, T - frames, C]``: without what came out before the first sample."""

    def call(self, inputs: Tensor) -> Tensor:
        return inputs[:, :, self.frames :]

    def compute_output_shape(self, shape: TensorShape) -> TensorShape:
        return self._longer(shape, -self.frames)
