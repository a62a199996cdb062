"""Adam in one op a variable."""

import tensorflow as tf
import tf_keras as keras

from fqss_tf.types import Tensor, Variable


class FusedAdam(keras.optimizers.Adam):
    """Keras's Adam, up to float rounding, by TensorFlow's own op for it.

    Keras writes each update as some twenty ops, and a quantized network has hundreds of variables,
    most of them ranges: tracing, optimising and starting those ops took a third of a network's
    first step. Dense gradients only; the variables are those of Keras's Adam.
    """

    def update_step(self, gradient: Tensor, variable: Variable) -> None:
        """Updates one variable ``[..]`` by its gradient ``[..]``."""
        beta_1, beta_2 = (tf.constant(beta, variable.dtype) for beta in (self.beta_1, self.beta_2))
        step = tf.cast(self.iterations + 1, variable.dtype)
        position = self._index_dict[self._var_key(variable)]
        tf.raw_ops.ResourceApplyAdam(
            var=variable.handle,
            m=self._momentums[position].handle,
            v=self._velocities[position].handle,
            beta1_power=tf.pow(beta_1, step),
            beta2_power=tf.pow(beta_2, step),
            lr=tf.cast(self.learning_rate, variable.dtype),
            beta1=beta_1,
            beta2=beta_2,
            epsilon=tf.constant(self.epsilon, variable.dtype),
            grad=gradient,
        )
