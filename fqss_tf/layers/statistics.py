"""What a global layer norm measures, one layer each: all are ``[B, 1, 1, 1]``."""

import tensorflow as tf
import tf_keras as keras

from fqss_tf.layers.norm import rsqrt


@keras.saving.register_keras_serializable("fqss_tf")
class ItemMean(keras.layers.Layer):
    """Mean over time and channels of each item: ``[B, 1, T, C]`` -> ``[B, 1, 1, 1]``."""

    def call(self, inputs):
        return tf.reduce_mean(inputs, axis=[1, 2, 3], keepdims=True)


@keras.saving.register_keras_serializable("fqss_tf")
class ItemVariance(keras.layers.Layer):
    """Population variance of each item, from ``[x, mean of x]``: ``[B, 1, 1, 1]``.

    E[x^2] - E[x]^2: unlike E[(x - E[x])^2] it needs no pass that subtracts. ``inner_tensors`` as
    in GlobalLayerNorm.

    Args:
        epsilon: added in float, as in GlobalLayerNorm.
    """

    inner_tensors = non_negative_tensors = ("squared", "mean_square", "squared_mean")

    def __init__(self, epsilon=1e-8, **kwargs):
        super().__init__(**kwargs)
        self.epsilon = epsilon
        self.inner_activations = {
            name: keras.activations.linear for name in self.inner_tensors
        }
        self.quantised = False

    def call(self, inputs):
        values, mean = inputs
        named = self.inner_activations
        squared = named["squared"](values * values)
        mean_square = named["mean_square"](tf.reduce_mean(squared, axis=[1, 2, 3], keepdims=True))
        variance = mean_square - named["squared_mean"](mean * mean)
        # An 8-bit variance is cut off at 0 by its range.
        return variance if self.quantised else tf.nn.relu(variance) + self.epsilon

    def get_config(self):
        return {**super().get_config(), "epsilon": self.epsilon}


@keras.saving.register_keras_serializable("fqss_tf")
class ReciprocalRoot(keras.layers.Layer):
    """1/sqrt(x) of each value."""

    def call(self, inputs, training=False):
        return (rsqrt if training else tf.math.rsqrt)(inputs)
