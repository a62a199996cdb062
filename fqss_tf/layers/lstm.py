"""One direction of an LSTM, every inner tensor with a name."""

import tensorflow as tf
import tf_keras as keras

from fqss_tf.layers.chunks import dimensions


@keras.saving.register_keras_serializable("fqss_tf")
class Lstm(keras.layers.Layer):
    """``[B, H, T, C]`` -> ``[B, H, T, units]``: along T, each row for itself (Hochreiter and
    Schmidhuber 1997, with forget gate).

    Gates lie in the order input, forget, cell, output. The states start at zero. ``inner_tensors``
    lists the names under which quantisation finds each intermediate result.

    Args:
        units: of the state.
        reverse: from the last position to the first; the output stays aligned with the input.
    """

    def __init__(self, units, reverse=False, **kwargs):
        super().__init__(**kwargs)
        self.units = units
        self.reverse = reverse
        self.inner_tensors = ("gates", "cell", "hidden")
        self.inner_activations = {name: keras.activations.linear for name in self.inner_tensors}

    def build(self, input_shape):
        units = self.units

        def uniform():
            # As in the published networks. Biases of zero would leave the zeros around the chunks
            # zero, and the norms behind would multiply their gradient by 1 / sqrt(epsilon).
            return keras.initializers.RandomUniform(-(units**-0.5), units**-0.5)

        self.kernel = self.add_weight("kernel", (input_shape[-1], 4 * units), initializer=uniform())
        self.recurrent_kernel = self.add_weight(
            "recurrent_kernel", (units, 4 * units), initializer=uniform()
        )
        self.bias = self.add_weight("bias", (4 * units,), initializer=uniform())

    def call(self, inputs):
        named = self.inner_activations
        batch, height, positions, channels = dimensions(inputs)
        rows = batch * height
        # What does not depend on the state is computed at once for all positions.
        driven = tf.matmul(tf.reshape(inputs, [rows * positions, channels]), self.kernel)
        driven = tf.reshape(driven + self.bias, [rows, positions, 4 * self.units])

        def step(states, at_position):
            hidden, cell = states
            gates = named["gates"](at_position + tf.matmul(hidden, self.recurrent_kernel))
            enter, keep, new, leave = tf.split(gates, 4, axis=-1)
            cell = named["cell"](
                tf.sigmoid(keep) * cell + tf.sigmoid(enter) * tf.tanh(new)
            )
            return named["hidden"](tf.sigmoid(leave) * tf.tanh(cell)), cell

        nothing = tf.zeros([rows, self.units], driven.dtype)
        hidden, _ = tf.scan(
            step, tf.transpose(driven, [1, 0, 2]), (nothing, nothing), reverse=self.reverse
        )
        return tf.reshape(
            tf.transpose(hidden, [1, 0, 2]), [batch, height, positions, self.units]
        )

    def get_config(self):
        return {**super().get_config(), "units": self.units, "reverse": self.reverse}
