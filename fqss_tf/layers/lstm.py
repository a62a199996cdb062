"""An LSTM of both directions, every inner tensor with a name."""

import dataclasses
from collections.abc import Mapping
from typing import Any, Literal, TypeAlias

import numpy as np
import tensorflow as tf
import tf_keras as keras

from fqss_tf.layers.chunks import dimensions
from fqss_tf.types import Activation, Json, Tensor, TensorShape

Direction: TypeAlias = Literal["forwards", "backwards"]
DIRECTIONS: tuple[Direction, ...] = ("forwards", "backwards")
WEIGHTS = ("kernel", "recurrent_kernel", "bias")
# A stand-in's kernel holds its number in digits that 8-bit weights of scale 1 can hold.
DIGIT = 127


@dataclasses.dataclass(frozen=True)
class StandIn:
    """What one direction of a layer is, where an exported graph has a stand-in for it."""

    layer: "BidirectionalLstm"
    direction: Direction
    rows: int
    positions: int


@keras.saving.register_keras_serializable("fqss_tf")
class BidirectionalLstm(keras.layers.Layer):
    """``[B, H, T, C]`` -> ``[B, H, T, 2 * units]``: along T in both directions, each row alone.

    Hochreiter and Schmidhuber 1997, with a forget gate. The backward half of the channels stays
    aligned with the input.

    Gates lie in the order input, forget, cell, output. The states start at zero. ``inner_tensors``
    lists the names under which quantization finds each intermediate result. They are those of the
    integer kernel: 16-bit gates before their activations, a 16-bit cell, an 8-bit hidden state that
    both directions hold in one scale.

    Args:
        units: of the state, in each direction.
    """

    inner_tensors: tuple[str, ...] = ("gates", "cell", "hidden")

    def __init__(self, units: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.units = units
        self.inner_activations: dict[str, Activation] = {
            name: keras.activations.linear for name in self.inner_tensors
        }
        self.mode = "calibrate"
        # A list while a graph for the converter is traced.
        self.stand_ins: list[StandIn] | None = None

    def build(self, input_shape: TensorShape) -> None:
        units = self.units
        shapes = self._weight_shapes(input_shape[-1])
        for direction in DIRECTIONS:
            for weight in WEIGHTS:
                name = f"{direction}_{weight}"
                # As in the published networks. Biases of zero would leave the zeros around the
                # chunks zero, and the norms behind would multiply their gradient by
                # 1 / sqrt(epsilon).
                start = keras.initializers.RandomUniform(-(units**-0.5), units**-0.5)
                setattr(self, name, self.add_weight(name, shapes[weight], initializer=start))

    def _weight_shapes(self, channels: int) -> dict[str, tuple[int, ...]]:
        gates = 4 * self.units
        return {
            "kernel": (channels, gates), "recurrent_kernel": (self.units, gates), "bias": (gates,),
        }

    def call(self, inputs: Tensor) -> Tensor:
        batch, height, positions, channels = dimensions(inputs)
        rows = tf.reshape(inputs, [batch * height, positions, channels])
        ways = (rows, rows[:, ::-1])
        if self.stand_ins is None:
            forwards, backwards = tf.unstack(self._hidden(tf.stack(ways)))
        else:
            forwards = self._stand_in(ways[0], "forwards", self.stand_ins)
            backwards = self._stand_in(ways[1], "backwards", self.stand_ins)
        both = tf.concat([forwards, backwards[:, ::-1]], axis=-1)
        return tf.reshape(both, [batch, height, positions, 2 * self.units])

    def _hidden(self, inputs: Tensor) -> Tensor:
        """``[2, rows, T, C]``, a direction each -> hidden states ``[2, rows, T, units]``."""
        named = self.inner_activations
        # A running range would follow the positions instead of the batches.
        within = dict.fromkeys(named, tf.identity) if self.mode == "calibrate" else named
        _, rows, positions, channels = dimensions(inputs)
        gates = 4 * self.units
        kernel, recurrent_kernel, bias = (
            tf.stack([
                tf.reshape(getattr(self, f"{direction}_{weight}"), [-1, gates])
                for direction in DIRECTIONS
            ])
            for weight in WEIGHTS
        )
        # What does not depend on the state is computed at once for all positions.
        driven = tf.matmul(tf.reshape(inputs, [2, rows * positions, channels]), kernel)
        driven = within["gates"](driven + bias)
        driven = tf.reshape(driven, [2, rows, positions, gates])
        driven = tf.transpose(driven, [2, 0, 1, 3])

        def step(states: tuple[Tensor, Tensor], at_position: Tensor) -> tuple[Tensor, Tensor]:
            return self._step(within, *states, at_position, recurrent_kernel)

        nothing = tf.zeros([2, rows, self.units], driven.dtype)
        hidden, cell = tf.scan(step, driven, (nothing, nothing))
        if self.mode == "calibrate":
            self._measure(driven, hidden, cell, recurrent_kernel)
            hidden = named["hidden"](hidden)
        return tf.transpose(hidden, [1, 2, 0, 3])

    def _step(
        self, named: Mapping[str, Activation], hidden: Tensor, cell: Tensor, at_position: Tensor,
        recurrent_kernel: Tensor,
    ) -> tuple[Tensor, Tensor]:
        """The next hidden state and cell, ``[.., units]``.

        Args:
            named: what rounds the inner tensors.
            hidden: the state before.
            cell: the cell before.
            at_position: what the input drives the gates with, ``[.., 4 * units]``.
            recurrent_kernel: what the state drives them with.
        """
        gates = named["gates"](at_position + tf.matmul(hidden, recurrent_kernel))
        enter, keep, new, leave = tf.split(gates, 4, axis=-1)
        cell = named["cell"](tf.sigmoid(keep) * cell + tf.sigmoid(enter) * tf.tanh(new))
        return named["hidden"](tf.sigmoid(leave) * tf.tanh(cell)), cell

    def _measure(
        self, driven: Tensor, hidden: Tensor, cell: Tensor, recurrent_kernel: Tensor
    ) -> None:
        """Shows the quantizers all positions of what is within a step, ``[T, 2, rows, ..]``."""
        self.inner_activations["cell"](cell)

    def _stand_in(self, rows: Tensor, direction: Direction, noted: list[StandIn]) -> Tensor:
        """A product of the right shape and scales, to be replaced by the integer op.

        It is added to ``noted``, which tells its number.
        """
        number = len(noted)
        count, positions, channels = rows.shape
        noted.append(StandIn(self, direction, count, positions))
        marked = np.zeros([self.units, channels], np.float32)
        marked.flat[:2] = divmod(number, DIGIT)
        marked = tf.quantization.fake_quant_with_min_max_args(
            marked, -DIGIT, DIGIT, narrow_range=True
        )
        flat = tf.reshape(rows, [count * positions, channels])
        product = tf.matmul(flat, marked, transpose_b=True)
        product = tf.reshape(product, [count, positions, self.units])
        return self.inner_activations["hidden"](product)

    def get_config(self) -> Json:
        return {**super().get_config(), "units": self.units}
