"""Adam in one op a variable, with steps that suit the size of each."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import tensorflow as tf
import tf_keras as keras

from fqss_tf.quantization.quantizers import SHIFT_RATE
from fqss_tf.types import Tensor, Variable


class FusedAdam(keras.optimizers.Adam):
    """Keras's Adam, up to float rounding, by TensorFlow's own op for it.

    Keras writes each update as some twenty ops, and a quantized network has hundreds of variables,
    most of them ranges: tracing, optimising and starting those ops took a third of a network's
    first step. Dense gradients only; the variables are those of Keras's Adam.

    Args:
        learning_rate: as of Keras's Adam.
        sizes: of the variables, in the order of ``build``. What is trained is how many times its
            size a variable is, and gradients are those of that (``relative``). None: all are 1.
        options: of Keras's Adam.
    """

    def __init__(
        self, learning_rate: float, sizes: Sequence[float] | None = None, **options: Any
    ) -> None:
        super().__init__(learning_rate, **options)
        self._sizes = sizes

    def relative(self, gradients: Sequence[Tensor]) -> list[Tensor]:
        """Returns gradients of variables as those of what is trained, which updates take."""
        if self._sizes is None:
            return list(gradients)
        return [
            gradient * tf.constant(size, gradient.dtype)
            for gradient, size in zip(gradients, self._sizes, strict=True)
        ]

    def update_step(self, gradient: Tensor, variable: Variable) -> None:
        """Updates one variable ``[..]`` by its relative gradient ``[..]``."""
        beta_1, beta_2 = (tf.constant(beta, variable.dtype) for beta in (self.beta_1, self.beta_2))
        step = tf.cast(self.iterations + 1, variable.dtype)
        position = self._index_dict[self._var_key(variable)]
        size = tf.constant(self._sizes[position] if self._sizes else 1.0, variable.dtype)
        tf.raw_ops.ResourceApplyAdam(
            var=variable.handle,
            m=self._momentums[position].handle,
            v=self._velocities[position].handle,
            beta1_power=tf.pow(beta_1, step),
            beta2_power=tf.pow(beta_2, step),
            lr=tf.cast(self.learning_rate, variable.dtype) * size,
            beta1=beta_1,
            beta2=beta_2,
            epsilon=tf.constant(self.epsilon, variable.dtype),
            grad=gradient,
        )


def sizes(variables: Sequence[Variable]) -> list[float]:
    """Root mean squares of the variables of a calibrated network, for ``FusedAdam``.

    Adam moves every weight by about the rate, whatever its size. A quantized network has weights
    of all sizes: equalized channels, and encoders and decoders of further planes. The rate that
    suits weights of 1 blurs an encoder of thousandths in a few steps. Shifts of ranges begin at 0,
    and get the size with which a range moves by its width times the rate.
    """
    return [
        float(np.sqrt(np.mean(np.square(variable.numpy())))) or 1 / SHIFT_RATE
        for variable in variables
    ]
