"""Between the waveforms of the published networks and ``[B, 1, T, C]``, ``[B, S, T, C]``."""

from collections.abc import Sequence
from typing import Any

import tensorflow as tf
import tf_keras as keras

from fqss_tf.errors import FqssError
from fqss_tf.types import Json, Tensor, TensorShape


@keras.saving.register_keras_serializable("fqss_tf")
class FromWaveform(keras.layers.Layer):
    """``[B, T]`` or ``[B, C, T]`` -> ``[B, 1, T', C]``, T' the whole hops in T samples.

    Args:
        hop: in samples.
        kernel: the least T, in samples.
        channels: C, 1 of ``[B, T]``.

    Raises:
        FqssError: a mixture of known T is shorter.
    """

    def __init__(self, hop: int, kernel: int, channels: int = 1, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.hop = hop
        self.kernel = kernel
        self.channels = channels

    def call(self, inputs: Tensor) -> Tensor:
        if inputs.shape[-1] is not None and inputs.shape[-1] < self.kernel:
            raise FqssError(f"a mixture of {inputs.shape[-1]} samples is shorter than the "
                            f"encoder's kernel of {self.kernel}")
        samples = tf.shape(inputs)[-1] // self.hop * self.hop
        whole = tf.reshape(inputs[..., :samples], [-1, self.channels, samples, 1])
        outputs = tf.transpose(whole, [0, 3, 2, 1])
        outputs.set_shape(self.compute_output_shape(inputs.shape))
        return outputs

    def compute_output_shape(self, shape: TensorShape) -> TensorShape:
        samples = None if shape[-1] is None else shape[-1] // self.hop * self.hop
        return tf.TensorShape([shape[0], 1, samples, self.channels])

    def get_config(self) -> Json:
        own = {"hop": self.hop, "kernel": self.kernel, "channels": self.channels}
        return {**super().get_config(), **own}


@keras.saving.register_keras_serializable("fqss_tf")
class ToWaveforms(keras.layers.Layer):
    """Estimates ``[B, S, T', C]`` and the mixture, T samples -> ``[B, S, T']``, or all channels.

    Those of more than one channel become ``[B, S, C, T']``.

    Args:
        padded: the end is filled with zeros to T samples.
        sources_last: the output is ``[B, T', S]``; for one channel.
    """

    def __init__(self, padded: bool, sources_last: bool, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.padded = padded
        self.sources_last = sources_last

    def call(self, inputs: Sequence[Tensor]) -> Tensor:
        estimates, mixture = inputs
        if self.padded:
            missing = tf.shape(mixture)[-1] - tf.shape(estimates)[2]
            estimates = tf.pad(estimates, [[0, 0], [0, 0], [0, missing], [0, 0]])
        if estimates.shape[-1] > 1:
            return tf.transpose(estimates, [0, 1, 3, 2])
        outputs = estimates[..., 0]
        return tf.transpose(outputs, [0, 2, 1]) if self.sources_last else outputs

    def get_config(self) -> Json:
        return {
            **super().get_config(), "padded": self.padded, "sources_last": self.sources_last,
        }
