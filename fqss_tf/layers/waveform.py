"""Between the waveforms of the published networks and ``[B, 1, T, 1]``, ``[B, S, T, 1]``."""

from collections.abc import Sequence
from typing import Any

import tensorflow as tf
import tf_keras as keras

from fqss_tf.errors import FqssError
from fqss_tf.types import Json, Tensor, TensorShape


@keras.saving.register_keras_serializable("fqss_tf")
class FromWaveform(keras.layers.Layer):
    """``[B, T]`` or ``[B, 1, T]`` -> ``[B, 1, T', 1]``, T' the whole hops in T samples.

    Args:
        hop: in samples.
        kernel: the least T, in samples.

    Raises:
        FqssError: a mixture of known T is shorter.
    """

    def __init__(self, hop: int, kernel: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.hop = hop
        self.kernel = kernel

    def call(self, inputs: Tensor) -> Tensor:
        if inputs.shape[-1] is not None and inputs.shape[-1] < self.kernel:
            raise FqssError(f"a mixture of {inputs.shape[-1]} samples is shorter than the "
                            f"encoder's kernel of {self.kernel}")
        samples = tf.shape(inputs)[-1] // self.hop * self.hop
        outputs = tf.reshape(inputs[..., :samples], [-1, 1, samples, 1])
        outputs.set_shape(self.compute_output_shape(inputs.shape))
        return outputs

    def compute_output_shape(self, shape: TensorShape) -> TensorShape:
        samples = None if shape[-1] is None else shape[-1] // self.hop * self.hop
        return tf.TensorShape([shape[0], 1, samples, 1])

    def get_config(self) -> Json:
        return {**super().get_config(), "hop": self.hop, "kernel": self.kernel}


@keras.saving.register_keras_serializable("fqss_tf")
class ToWaveforms(keras.layers.Layer):
    """Estimates ``[B, S, T', 1]`` and the mixture, T samples -> ``[B, S, T']``.

    Args:
        padded: the end is filled with zeros to T samples.
        sources_last: the output is ``[B, T', S]``.
    """

    def __init__(self, padded: bool, sources_last: bool, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.padded = padded
        self.sources_last = sources_last

    def call(self, inputs: Sequence[Tensor]) -> Tensor:
        estimates, mixture = inputs
        outputs = estimates[..., 0]
        if self.padded:
            missing = tf.shape(mixture)[-1] - tf.shape(outputs)[-1]
            outputs = tf.pad(outputs, [[0, 0], [0, 0], [0, missing]])
        return tf.transpose(outputs, [0, 2, 1]) if self.sources_last else outputs

    def get_config(self) -> Json:
        return {
            **super().get_config(), "padded": self.padded, "sources_last": self.sources_last,
        }
