"""An LSTM of both directions as plain 8-bit ops, one step after the other."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import tensorflow as tf
import tf_keras as keras

from fqss_tf.layers.chunks import dimensions
from fqss_tf.layers.lstm import DIRECTIONS, WEIGHTS, BidirectionalLstm, Direction
from fqss_tf.types import Activation, FloatArray, Tensor


@keras.saving.register_keras_serializable("fqss_tf")
class SteppedLstm(BidirectionalLstm):
    """A BidirectionalLstm that an exported graph computes by matrix products and elementwise ops.

    Function and weights are those of its base; the kernels have the shape of 1x1 convolutions,
    because of these the converter knows scales per channel. Where ``unrolled`` is set, each step is
    written out: a product with the state, sums, sigmoids and so on, all of which XNNPACK has. The
    products with the input are one for all steps.

    Every tensor has 8 bits, the cell, too, which has 16 in the LSTM op. Sums have the scale of
    their terms, so that nothing is rounded there: ``gates`` are the products with the input and
    with the state, and their sum; ``cell`` is what is kept, what enters, and their sum. ``opened``
    are gates behind their sigmoid, ``squashed`` is what a tanh gives.
    """

    inner_tensors = ("gates", "opened", "squashed", "cell", "hidden")

    def __init__(self, units: int, **kwargs: Any) -> None:
        super().__init__(units, **kwargs)
        # While a graph for the converter is traced, whose length is static.
        self.unrolled = False

    def _weight_shapes(self, channels: int) -> dict[str, tuple[int, ...]]:
        shapes = super()._weight_shapes(channels)
        return {
            name: shape if name == "bias" else (1, 1, *shape) for name, shape in shapes.items()
        }

    def set_weights(self, weights: Sequence[FloatArray]) -> None:
        """Sets all weights, which may have the shapes of the base."""
        super().set_weights([
            np.reshape(values, variable.shape)
            for values, variable in zip(weights, self.weights, strict=True)
        ])

    def call(self, inputs: Tensor) -> Tensor:
        if not self.unrolled:
            return super().call(inputs)
        batch, height, positions, channels = dimensions(inputs)
        rows = tf.reshape(inputs, [1, batch * height, positions, channels])
        across = tf.transpose(rows, [0, 2, 1, 3])
        both = tf.concat(
            [self._written_out(across, direction) for direction in DIRECTIONS], axis=-1
        )
        return tf.reshape(
            tf.transpose(both, [0, 2, 1, 3]), [batch, height, positions, 2 * self.units]
        )

    def _written_out(self, inputs: Tensor, direction: Direction) -> Tensor:
        """Inputs ``[1, T, rows, C]`` -> hidden states ``[1, T, rows, units]``."""
        named = self.inner_activations
        kernel, recurrent_kernel, bias = (
            getattr(self, f"{direction}_{weight}") for weight in WEIGHTS
        )
        driven = named["gates"](_product(inputs, kernel) + bias)
        turn = 1 if direction == "forwards" else -1
        # The state before the first step is 0: nothing comes from it, and nothing is kept.
        first, *further = tf.unstack(driven[:, :, None], axis=1)[::turn]
        # Not by a split: the converter leaves one in float if a result of it is not used.
        enter, _, new, leave = (
            first[..., gate * self.units : (gate + 1) * self.units] for gate in range(4)
        )
        cell = self._entering(named, enter, new)
        hidden = self._left(named, leave, cell)
        outputs = [hidden]
        for at_position in further:
            hidden, cell = self._step(named, hidden, cell, at_position, recurrent_kernel)
            outputs.append(hidden)
        return tf.concat(outputs[::turn], axis=1)

    def _step(
        self, named: Mapping[str, Activation], hidden: Tensor, cell: Tensor, at_position: Tensor,
        recurrent_kernel: Tensor,
    ) -> tuple[Tensor, Tensor]:
        driven = named["gates"](_product(hidden, recurrent_kernel))
        gates = named["gates"](at_position + driven)
        enter, keep, new, leave = tf.split(gates, 4, axis=-1)
        kept = named["cell"](named["opened"](tf.sigmoid(keep)) * cell)
        cell = named["cell"](kept + self._entering(named, enter, new))
        return self._left(named, leave, cell), cell

    def _entering(self, named: Mapping[str, Activation], enter: Tensor, new: Tensor) -> Tensor:
        """What enters the cell."""
        return named["cell"](
            named["opened"](tf.sigmoid(enter)) * named["squashed"](tf.tanh(new))
        )

    def _left(self, named: Mapping[str, Activation], leave: Tensor, cell: Tensor) -> Tensor:
        """The hidden state, which is what leaves the cell."""
        return named["hidden"](
            named["opened"](tf.sigmoid(leave)) * named["squashed"](tf.tanh(cell))
        )

    def _measure(
        self, driven: Tensor, hidden: Tensor, cell: Tensor, recurrent_kernel: Tensor
    ) -> None:
        super()._measure(driven, hidden, cell, recurrent_kernel)
        before = tf.pad(hidden[:-1], [[1, 0], [0, 0], [0, 0], [0, 0]])
        self.inner_activations["gates"](driven + tf.matmul(before, recurrent_kernel))


def _product(inputs: Tensor, kernel: Tensor) -> Tensor:
    """Channels times ``[C, D]``, or ``[1, 1, C, D]`` as a convolution."""
    if kernel.shape.rank == 4:
        return tf.nn.conv2d(inputs, kernel, 1, "VALID")
    return tf.matmul(inputs, kernel)
