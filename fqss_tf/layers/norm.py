"""Layer norms as composites of integer ops, every inner tensor with a name."""

from collections.abc import Callable
from typing import Any

import tensorflow as tf
import tf_keras as keras

from fqss_tf.layers.energy import INNER_TENSORS, item_power, mean_in_steps
from fqss_tf.types import Activation, Json, Tensor, TensorShape

# Inner tensors of a norm over channels that its gain and its shift do not change.
NORMALISED = ("mean", "centred", "energy", "reciprocal_length", "normalised")


@tf.custom_gradient
def rsqrt(x: Tensor) -> tuple[Tensor, Callable[[Tensor], Tensor]]:
    """1/sqrt(x) as the integer kernel computes it: as large as can be at 0, without a gradient."""
    positive = x > 0
    y = tf.where(positive, tf.math.rsqrt(tf.where(positive, x, tf.ones_like(x))), x.dtype.max)
    safe = tf.where(positive, y, tf.zeros_like(y))
    return y, lambda upstream: upstream * -0.5 * safe * safe * safe


class _Norm(keras.layers.Layer):
    """Mean and population variance over ``axes``, then a gain and a bias per channel.

    Computed in full precision where the network is not. Written in single ops, because the integer
    runtime is slow at SQUARED_DIFFERENCE; ``fqss_tf.layers.energy`` says how squares are added up.
    ``inner_tensors`` lists the names under which quantization finds each intermediate result.

    Args:
        epsilon: added to the variance in float. The integer graph has no such op: its variance is a
            multiple of its scale, and the reciprocal root of 0 saturates.
    """

    axes: tuple[int, ...] = ()
    non_negative_tensors: tuple[str, ...] = ("energy", "mean_square", "reciprocal_deviation")

    def __init__(self, epsilon: float = 1e-8, **kwargs: Any) -> None:
        super().__init__(**{"dtype": keras.backend.floatx(), **kwargs})
        self.epsilon = epsilon
        self.mode = "calibrate"
        self.inner_tensors: tuple[str, ...] = (
            "channel_mean", "mean", "centred", *INNER_TENSORS, "reciprocal_deviation",
            "channel_gain", "scaled",
        )
        self.inner_activations: dict[str, Activation] = {
            name: keras.activations.linear for name in self.inner_tensors
        }
        self.quantized = False

    def build(self, input_shape: TensorShape) -> None:
        channels = input_shape[-1]
        self.gamma = self.add_weight("gamma", (channels,), initializer="ones")
        self.beta = self.add_weight("beta", (channels,), initializer="zeros")

    def call(self, inputs: Tensor, training: bool = False) -> Tensor:
        named = self.inner_activations
        mean = named["mean"](mean_in_steps(inputs, named["channel_mean"], self.axes))
        centred = named["centred"](inputs - mean)
        gain = named["reciprocal_deviation"](
            self._reciprocal_root(self._variance(centred), training)
        )
        return named["scaled"](centred * named["channel_gain"](gain * self.gamma)) + self.beta

    def _variance(self, centred: Tensor) -> Tensor:
        if not self.quantized:
            return tf.reduce_mean(centred * centred, axis=self.axes, keepdims=True)
        return item_power(centred, self.inner_activations, self.mode, self.axes)

    def _reciprocal_root(self, power: Tensor, training: bool, terms: int = 1) -> Tensor:
        """``terms``: what ``power`` is the sum of; epsilon is added to each."""
        if not self.quantized:
            power = power + terms * self.epsilon
        elif self.mode == "calibrate":
            # What 8 bits can tell from 0: silence would else make the next range endless.
            power = tf.maximum(power, tf.reduce_max(power) / 255 + terms * self.epsilon)
        return (rsqrt if training else tf.math.rsqrt)(power)

    def compute_output_shape(self, input_shape: TensorShape) -> TensorShape:
        return input_shape

    def get_config(self) -> Json:
        return {**super().get_config(), "epsilon": self.epsilon}


@keras.saving.register_keras_serializable("fqss_tf")
class GlobalLayerNorm(_Norm):
    """gLN over an item of ``[B, H, T, C]`` (ConvTasNet, sec. II-E); arguments as ``_Norm``."""

    axes = (1, 2, 3)


@keras.saving.register_keras_serializable("fqss_tf")
class RowLayerNorm(_Norm):
    """gLN over each row ``[T, C]`` of ``[B, H, T, C]``, as asteroid's DPTNet has it.

    Arguments as ``_Norm``.
    """

    axes = (2, 3)


@keras.saving.register_keras_serializable("fqss_tf")
class ChannelLayerNorm(_Norm):
    """Layer norm over the channels of ``[B, H, T, C]`` (Ba et al. 2016).

    The squares are added up by a product of each frame with itself: rounded to 8 bits before, those
    of all but the loudest frames would be 0.

    Args:
        unit_length: the gain is that of frames of length 1 instead of variance 1, the root of C
            times as large: the integer graph then needs no op for that root.
        epsilon: as of ``_Norm``.
    """

    axes = (3,)
    non_negative_tensors = ("energy", "reciprocal_length")

    def __init__(self, unit_length: bool = False, epsilon: float = 1e-8, **kwargs: Any) -> None:
        super().__init__(epsilon=epsilon, **kwargs)
        self.unit_length = unit_length
        self.inner_tensors = (*NORMALISED, "scaled")
        self.inner_activations = {
            name: keras.activations.linear for name in self.inner_tensors
        }

    def call(self, inputs: Tensor, training: bool = False) -> Tensor:
        named = self.inner_activations
        channels = inputs.shape[-1]
        mean = named["mean"](tf.reduce_mean(inputs, axis=-1, keepdims=True))
        centred = named["centred"](inputs - mean)
        frames = centred[..., None, :]
        energy = named["energy"](tf.matmul(frames, frames, transpose_b=True)[..., 0])
        length = named["reciprocal_length"](self._reciprocal_root(energy, training, channels))
        normalised = named["normalised"](centred * length)
        gamma = self.gamma if self.unit_length else self.gamma * channels**0.5
        return named["scaled"](normalised * gamma) + self.beta

    def get_config(self) -> Json:
        return {**super().get_config(), "unit_length": self.unit_length}
