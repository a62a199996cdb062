"""What a global layer norm measures, one layer each: all are ``[B, 1, 1, 1]``."""

import tensorflow as tf
import tf_keras as keras

from fqss_tf.layers.energy import item_power, mean_in_steps
from fqss_tf.layers.norm import rsqrt


@keras.saving.register_keras_serializable("fqss_tf")
class ItemMean(keras.layers.Layer):
    """Mean over time and channels of each item: ``[B, 1, T, C]`` -> ``[B, 1, 1, 1]``.

    ``inner_tensors`` as in GlobalLayerNorm.
    """

    inner_tensors = ("channel_mean",)
    non_negative_tensors = ()

    def __init__(self, **kwargs) -> None:
        super().__init__(**kwargs)
        self.inner_activations = {
            name: keras.activations.linear for name in self.inner_tensors
        }

    def call(self, inputs: tf.Tensor) -> tf.Tensor:
        return mean_in_steps(inputs, self.inner_activations["channel_mean"], (1, 2, 3))


@keras.saving.register_keras_serializable("fqss_tf")
class ItemVariance(keras.layers.Layer):
    """Population variance of each item, from ``[x, mean of x]``: ``[B, 1, 1, 1]``.

    E[x^2] - E[x]^2: unlike E[(x - E[x])^2] it needs no pass that subtracts. ``inner_tensors`` as
    in GlobalLayerNorm.

    Args:
        epsilon: added in float, as in GlobalLayerNorm.
    """

    inner_tensors = non_negative_tensors = ("energy", "mean_square", "squared_mean")

    def __init__(self, epsilon: float = 1e-8, **kwargs) -> None:
        super().__init__(**kwargs)
        self.epsilon = epsilon
        self.mode = "observe"
        self.inner_activations = {
            name: keras.activations.linear for name in self.inner_tensors
        }
        self.quantised = False

    def call(self, inputs: list[tf.Tensor]) -> tf.Tensor:
        values, mean = inputs
        inner = self.inner_activations
        if not self.quantised:
            # A float32 sum of millions would be wrong in its fifth digit.
            power = mean_in_steps(values * values, tf.identity, (1, 2, 3))
            return tf.nn.relu(power - mean * mean) + self.epsilon
        power = item_power(values, inner, self.mode)
        # An 8-bit variance is cut off at 0 by its range.
        return power - inner["squared_mean"](mean * mean)

    def get_config(self) -> dict:
        return {**super().get_config(), "epsilon": self.epsilon}


@keras.saving.register_keras_serializable("fqss_tf")
class ReciprocalRoot(keras.layers.Layer):
    """1/sqrt(x) of each value."""

    def call(self, inputs: tf.Tensor, training: bool = False) -> tf.Tensor:
        return (rsqrt if training else tf.math.rsqrt)(inputs)
