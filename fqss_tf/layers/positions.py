"""Where a token lies: learned rows, and sinusoids of one and of two dimensions."""

import numpy as np
import tensorflow as tf
import tf_keras as keras
from numpy.typing import NDArray

from fqss_tf.errors import FqssError
from fqss_tf.layers.attention import LONGEST, AddPositions, sinusoids
from fqss_tf.layers.chunks import dimensions
from fqss_tf.types import Tensor, TensorShape


@keras.saving.register_keras_serializable("fqss_tf")
class AddRows(keras.layers.Layer):
    """Adds a trained vector of each row to ``[B, H, T, C]``."""

    def build(self, input_shape: TensorShape) -> None:
        self.rows = self.add_weight("rows", (input_shape[1], input_shape[3]))
        super().build(input_shape)

    def call(self, inputs: Tensor) -> Tensor:
        return inputs + self.rows[:, None]

    def compute_output_shape(self, shape: TensorShape) -> TensorShape:
        return tf.TensorShape(shape)


def _positions(inputs: Tensor) -> int | Tensor:
    """Returns how many lie along T of ``[B, H, T, C]``, at most 2500."""
    positions: int | Tensor = dimensions(inputs)[2]
    if isinstance(positions, int) and positions > LONGEST:
        raise FqssError(
            f"{positions} positions are more than the {LONGEST} that HTDemucs has here: take "
            "shorter segments"
        )
    return positions


@keras.saving.register_keras_serializable("fqss_tf")
class AddFramePositions(AddPositions):
    """Adds sinusoids of the positions along T to ``[B, H, T, C]``, T at most 2500.

    All cosines first, then all sines, as demucs has it along time.
    """

    def build(self, input_shape: TensorShape) -> None:
        self.table = tf.constant(apart_sinusoids(LONGEST, input_shape[-1]), self.compute_dtype)

    def call(self, inputs: Tensor) -> Tensor:
        return self.added(inputs, self.table[: _positions(inputs)])


@keras.saving.register_keras_serializable("fqss_tf")
class AddGridPositions(AddPositions):
    """Adds sinusoids of the places along T and H to ``[B, H, T, C]``, T at most 2500.

    Sines and cosines in turn: half of the channels tell the frame, the other half the row.
    """

    def build(self, input_shape: TensorShape) -> None:
        rows, channels = input_shape[1], input_shape[3]
        half = channels // 2
        of_frames = np.pad(sinusoids(LONGEST, half), ((0, 0), (0, channels - half)))
        of_rows = np.pad(sinusoids(rows, channels - half), ((0, 0), (half, 0)))
        self.of_frames = tf.constant(of_frames, self.compute_dtype)
        self.of_rows = tf.constant(of_rows[:, None], self.compute_dtype)

    def call(self, inputs: Tensor) -> Tensor:
        return self.added(inputs, self.of_frames[: _positions(inputs)] + self.of_rows)


def apart_sinusoids(positions: int, channels: int) -> NDArray[np.float32]:
    """Table ``[positions, channels]``, first all cosines, then all sines, rounded as PyTorch."""
    half = channels // 2
    exponents = np.arange(half, dtype=np.float32) / np.float32(half - 1)
    rates = np.float32(10000) ** exponents
    angles = (np.arange(positions, dtype=np.float32)[:, None] / rates).astype(np.float64)
    return np.concatenate([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32)
