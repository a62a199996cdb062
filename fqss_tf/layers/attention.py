"""Attention between the rows' positions, every inner tensor with a name; sinusoidal positions."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import tensorflow as tf
import tf_keras as keras
from numpy.typing import NDArray

from fqss_tf.errors import FqssError
from fqss_tf.layers.chunks import dimensions
from fqss_tf.types import Activation, Json, Tensor, TensorShape

LONGEST = 2500


@keras.saving.register_keras_serializable("fqss_tf")
class DotProductAttention(keras.layers.Layer):
    """Query, key and value -> context ``[B, H, T, C]`` of the query's T (Vaswani et al. 2017).

    Each of the H rows attends to itself, or to that of another tensor, which keys and values are
    of: they are ``[B, H, L, C]``. The projections are 1x1 convolutions before and behind.
    ``inner_tensors`` lists the names under which quantization finds each intermediate result.

    Args:
        heads: divides C; head h has the channels from ``h * C / heads`` on.
        scaled: the division of the scores by the root of a head's channels is done here, else by
            the query's projection.
    """

    inner_tensors: tuple[str, ...] = ("scores", "attention", "context")

    def __init__(self, heads: int, scaled: bool = True, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.heads = heads
        self.scaled = scaled
        self.inner_activations: dict[str, Activation] = {
            name: keras.activations.linear for name in self.inner_tensors
        }

    def call(self, inputs: Sequence[Tensor]) -> Tensor:
        named = self.inner_activations
        batch, height, positions, channels = dimensions(inputs[0])
        query, key, value = (self._heads_apart(item) for item in inputs)
        if self.scaled:
            query = query * query_factor(channels, self.heads)
        scores = named["scores"](tf.matmul(query, key, transpose_b=True))
        attention = named["attention"](tf.nn.softmax(scores))
        context = named["context"](tf.matmul(attention, value))
        return tf.reshape(
            tf.transpose(context, [0, 2, 1, 3]), [batch, height, positions, channels]
        )

    def _heads_apart(self, values: Tensor) -> Tensor:
        batch, height, positions, channels = dimensions(values)
        apart = tf.reshape(
            values, [batch * height, positions, self.heads, channels // self.heads]
        )
        return tf.transpose(apart, [0, 2, 1, 3])

    def compute_output_shape(self, input_shape: Sequence[TensorShape]) -> TensorShape:
        return input_shape[0]

    def get_config(self) -> Json:
        return {**super().get_config(), "heads": self.heads, "scaled": self.scaled}


def query_factor(channels: int, heads: int) -> float:
    """What queries are multiplied by, so that scores do not grow with a head's channels."""
    return (channels // heads) ** -0.5


@keras.saving.register_keras_serializable("fqss_tf")
class AddPositions(keras.layers.Layer):
    """Adds sinusoids of each position to ``[B, H, T, C]``, T at most 2500 (Vaswani et al., 3.5)."""

    inner_tensors: tuple[str, ...] = ("sinusoids",)
    non_negative_tensors: tuple[str, ...] = ()

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.inner_activations: dict[str, Activation] = {
            name: keras.activations.linear for name in self.inner_tensors
        }

    def build(self, input_shape: TensorShape) -> None:
        self.table = tf.constant(sinusoids(LONGEST, input_shape[-1]), self.compute_dtype)

    def call(self, inputs: Tensor) -> Tensor:
        positions = dimensions(inputs)[2]
        if isinstance(positions, int) and positions > LONGEST:
            raise FqssError(
                f"{positions} positions are more than the {LONGEST} that SepFormer has: "
                "take shorter segments"
            )
        return self.added(inputs, self.table[:positions])

    def added(self, inputs: Tensor, table: Tensor) -> Tensor:
        """Returns the sum with the sinusoids of each position, which are a constant."""
        return inputs + self.inner_activations["sinusoids"](table)

    def compute_output_shape(self, input_shape: TensorShape) -> TensorShape:
        return input_shape


def sinusoids(positions: int, channels: int) -> NDArray[np.float32]:
    """Table ``[positions, channels]``, sines and cosines in turn, rounded as PyTorch does it."""
    exponents = np.arange(0, channels, 2, dtype=np.float32)
    rates = np.exp(exponents * np.float32(-np.log(10000.0) / channels))
    angles = (np.arange(positions, dtype=np.float32)[:, None] * rates).astype(np.float64)
    table = np.stack([np.sin(angles), np.cos(angles)], axis=-1).reshape(positions, -1)
    return table[:, :channels].astype(np.float32)
