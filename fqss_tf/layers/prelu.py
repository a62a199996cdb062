"""PReLU with one slope for everything, as the published networks have it."""

import tensorflow as tf
import tf_keras as keras


@keras.saving.register_keras_serializable("fqss_tf")
class ScalarPReLU(keras.layers.Layer):
    """max(x, 0) + slope * min(x, 0), one trained scalar ``slope`` (0.25 at first).

    Quantisation and export freeze the slope and use LeakyReLU: the same function, and the one
    the integer runtime is fast at.
    """

    def build(self, input_shape):
        self.slope = self.add_weight(
            "slope", (), initializer=keras.initializers.Constant(0.25)
        )

    def call(self, inputs):
        return tf.maximum(inputs, 0) + self.slope * tf.minimum(inputs, 0)

    def compute_output_shape(self, input_shape):
        return input_shape
