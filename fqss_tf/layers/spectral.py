"""Layers of networks over spectrograms, ``[B, frames, bins, C]``."""

import tensorflow as tf
import tf_keras as keras

from fqss_tf.formats import CHANNELS, LOGIT_RANGE, MAGNITUDE_RANGE, WAVEFORM_SCALE
from fqss_tf.layers.planes import Splitter
from fqss_tf.types import Json, Tensor, TensorShape

# A step of the second plane, times the steps below 0: with it, a value of 0 is 0 in both.
HALF_STEP = WAVEFORM_SCALE / 2


@keras.saving.register_keras_serializable("fqss_tf")
class NearestSplitter(Splitter):
    """``[B, T, F, C] -> [B, T, F, planes * C]``, so that a value of 0 is 0 in every plane.

    The first plane is rounded to nearest and not down. So convolutions may pad with zeros, and
    planes need no bias. Two planes at most.
    """

    def call(self, inputs: Tensor) -> Tensor:
        return super().call(inputs + HALF_STEP if self.planes > 1 else inputs)


@keras.saving.register_keras_serializable("fqss_tf")
class TakeChannels(keras.layers.Layer):
    """``[B, T, F, C] -> [B, T, F, count]``: channels from number ``start`` on."""

    def __init__(self, start: int, count: int, **kwargs: object) -> None:
        super().__init__(**kwargs)
        self.start = start
        self.count = count

    def call(self, inputs: Tensor) -> Tensor:
        return inputs[..., self.start : self.start + self.count]

    def compute_output_shape(self, shape: TensorShape) -> TensorShape:
        return tf.TensorShape([*shape[:3], self.count])

    def get_config(self) -> Json:
        return {**super().get_config(), "start": self.start, "count": self.count}


@keras.saving.register_keras_serializable("fqss_tf")
class PhasesToPixels(keras.layers.Layer):
    """``[B, T, F, 4 C] -> [B, 2 T, 2 F, C]``; phase 2 p + q becomes row 2 t + p, column 2 f + q.

    This is DEPTH_TO_SPACE. Its int8 form is not among LiteRT's reference kernels, a transpose is.
    """

    def call(self, inputs: Tensor) -> Tensor:
        _, _, bins, channels = inputs.shape
        batch, frames = tf.unstack(tf.shape(inputs))[:2]
        if inputs.shape[1] is not None:
            frames = inputs.shape[1]
        rows = tf.reshape(inputs, [batch * frames, bins, 2, channels // 2])
        rows = tf.transpose(rows, [0, 2, 1, 3])
        return tf.reshape(rows, [batch, 2 * frames, 2 * bins, channels // 4])

    def compute_output_shape(self, shape: TensorShape) -> TensorShape:
        batch, frames, bins, channels = tf.TensorShape(shape).as_list()
        return tf.TensorShape([batch, frames and 2 * frames, 2 * bins, channels // 4])


@keras.saving.register_keras_serializable("fqss_tf")
class PixelsToPhases(keras.layers.Layer):
    """The reverse, SPACE_TO_DEPTH: ``[B, 2 T, 2 F, C] -> [B, T, F, 4 C]``."""

    def call(self, inputs: Tensor) -> Tensor:
        return tf.nn.space_to_depth(inputs, 2)

    def compute_output_shape(self, shape: TensorShape) -> TensorShape:
        batch, frames, bins, channels = tf.TensorShape(shape).as_list()
        return tf.TensorShape([batch, frames and frames // 2, bins // 2, 4 * channels])


@keras.saving.register_keras_serializable("fqss_tf")
class ChannelGain(keras.layers.Layer):
    """``gain * inputs`` for a gain of each channel."""

    def build(self, input_shape: TensorShape) -> None:
        self.gain = self.add_weight("gain", (input_shape[-1],), initializer="ones")
        super().build(input_shape)

    def call(self, inputs: Tensor) -> Tensor:
        return inputs * self.gain

    def compute_output_shape(self, shape: TensorShape) -> TensorShape:
        return tf.TensorShape(shape)


@keras.saving.register_keras_serializable("fqss_tf")
class ChannelShift(keras.layers.Layer):
    """``inputs + shift`` for a shift of each channel."""

    def build(self, input_shape: TensorShape) -> None:
        self.shift = self.add_weight("shift", (input_shape[-1],), initializer="zeros")
        super().build(input_shape)

    def call(self, inputs: Tensor) -> Tensor:
        return inputs + self.shift

    def compute_output_shape(self, shape: TensorShape) -> TensorShape:
        return tf.TensorShape(shape)


@keras.saving.register_keras_serializable("fqss_tf")
class JoinLevelled(keras.layers.Concatenate):
    """Concatenation of channels that all have the range of samples, [-1, 1)."""


@keras.saving.register_keras_serializable("fqss_tf")
class FullScale(keras.layers.Layer):
    """Magnitudes of an STFT -> the same at the full scale of the networks here, 1."""

    def call(self, inputs: Tensor) -> Tensor:
        return inputs / MAGNITUDE_RANGE

    def compute_output_shape(self, shape: TensorShape) -> TensorShape:
        return tf.TensorShape(shape)


@keras.saving.register_keras_serializable("fqss_tf")
class MaskedMagnitudes(keras.layers.Layer):
    """Logits ``[B, T / 2, F / 2, 8 S]`` and magnitudes ``[B, T, F, 2]`` -> ``[B, S, T, F, 2]``.

    Args:
        masks: ``sigmoid``, each mask for itself, or ``softmax``, all together 1.
    """

    def __init__(self, masks: str, **kwargs: object) -> None:
        super().__init__(**kwargs)
        self.masks = masks

    def call(self, inputs: tuple[Tensor, Tensor]) -> Tensor:
        logits, magnitudes = inputs
        sources = logits.shape[-1] // (4 * CHANNELS)
        stems = [
            LOGIT_RANGE * tf.nn.depth_to_space(stem, 2) for stem in tf.split(logits, sources, -1)
        ]
        stacked = tf.stack(stems, axis=1)
        masks = (
            tf.nn.softmax(stacked, axis=1) if self.masks == "softmax" else tf.sigmoid(stacked)
        )
        return masks * magnitudes[:, None]

    def get_config(self) -> Json:
        return {**super().get_config(), "masks": self.masks}
