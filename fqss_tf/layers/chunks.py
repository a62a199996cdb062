"""Between a sequence and overlapping chunks of it (dual-path networks, Luo et al. 2020, sec. 2.1).

Chunks that do not overlap lie in one row; there are as many rows as chunks cover a frame. A row is
a slice and a reshape, so both directions are free of arithmetic but for the sum of the rows.
"""

from collections.abc import Sequence
from typing import Any

import tensorflow as tf
import tf_keras as keras

from fqss_tf.types import Activation, Json, Tensor


def dimensions(tensor: Tensor) -> list[int | Tensor]:
    """The sizes of a tensor: numbers where they are known, else scalar tensors."""
    dynamic = tf.shape(tensor)
    return [
        dynamic[axis] if size is None else size for axis, size in enumerate(tensor.shape.as_list())
    ]


class _Chunked(keras.layers.Layer):
    """Where the chunks lie.

    Args:
        size: frames of a chunk.
        hop: frames from chunk to chunk, with ``size`` zeros on both sides, as asteroid has it. None
            for half a chunk, with half a chunk of zeros on both sides and 1 to ``size`` more at the
            end, as speechbrain and FQSS have it; hops of an odd size alternate.
    """

    def __init__(self, size: int, hop: int | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.size = size
        self.hop = hop
        half = size // 2
        rows = 2 if hop is None else -(-size // hop)
        self.row_starts = [0, half] if hop is None else [row * hop for row in range(rows)]
        self.period = size if hop is None else rows * hop
        self.margin = half if hop is None else size

    def chunks_in_row(self, frames: int | Tensor) -> tuple[int | Tensor, int | Tensor]:
        """(all chunks of a sequence, chunks in a row); the last of the later rows may be empty."""
        if self.hop is None:
            in_row = (frames + self.margin) // self.size + 1
            return 2 * in_row, in_row
        chunks = (frames + self.size) // self.hop + 1
        return chunks, -(-chunks // len(self.row_starts))

    def get_config(self) -> Json:
        return {**super().get_config(), "size": self.size, "hop": self.hop}


@keras.saving.register_keras_serializable("fqss_tf")
class SplitIntoChunks(_Chunked):
    """``[B, 1, L, C]`` -> overlapping ``[B, chunks, size, C]``; arguments as ``_Chunked``."""

    def call(self, inputs: Tensor) -> Tensor:
        batch, _, frames, channels = dimensions(inputs)
        chunks, in_row = self.chunks_in_row(frames)
        row_frames = in_row * self.period
        end = self.row_starts[-1] + row_frames - self.margin - frames
        padded = tf.pad(inputs, [[0, 0], [0, 0], [self.margin, end], [0, 0]])
        rows = []
        for start in self.row_starts:
            row = padded[:, :, start : start + row_frames]
            row = tf.reshape(row, [batch, in_row, self.period, channels])
            rows.append(row[:, :, : self.size])
        interleaved = tf.concat(rows, axis=2)
        return tf.reshape(interleaved, [batch, in_row * len(rows), self.size, channels])[:, :chunks]


@keras.saving.register_keras_serializable("fqss_tf")
class OverlapAdd(_Chunked):
    """Chunks ``[B, chunks, size, C]`` and a sequence ``[B, 1, L, ...]`` -> ``[B, 1, L, C]``.

    Adds up what the chunks have for each frame; the sequence is the one they were cut from.
    Arguments as ``_Chunked``.

    ``inner_tensors`` are the sums of the first rows, where there are more than two.
    """

    non_negative_tensors: tuple[str, ...] = ()

    def __init__(self, size: int, hop: int | None = None, **kwargs: Any) -> None:
        super().__init__(size, hop, **kwargs)
        self.inner_tensors = tuple(f"sum_{row}" for row in range(1, len(self.row_starts) - 1))
        self.inner_activations: dict[str, Activation] = {
            name: keras.activations.linear for name in self.inner_tensors
        }

    def call(self, inputs: Sequence[Tensor]) -> Tensor:
        segments, sequence = inputs
        batch, _, _, channels = dimensions(segments)
        frames = dimensions(sequence)[2]
        chunks, in_row = self.chunks_in_row(frames)
        rows = len(self.row_starts)
        filled = tf.pad(segments, [[0, 0], [0, in_row * rows - chunks], [0, 0], [0, 0]])
        interleaved = tf.reshape(filled, [batch, in_row, rows * self.size, channels])
        total = None
        for number, start in enumerate(self.row_starts):
            row = interleaved[:, :, number * self.size : (number + 1) * self.size]
            row = tf.pad(row, [[0, 0], [0, 0], [0, self.period - self.size], [0, 0]])
            row = tf.reshape(row, [batch, 1, in_row * self.period, channels])
            row = row[:, :, self.margin - start : self.margin - start + frames]
            total = row if total is None else total + row
            total = self.inner_activations.get(f"sum_{number}", tf.identity)(total)
        return total


@keras.saving.register_keras_serializable("fqss_tf")
class ChannelsToSources(keras.layers.Layer):
    """``[B, 1, L, sources * C]``, each source's channels together -> ``[B, sources, L, C]``."""

    def __init__(self, sources: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.sources = sources

    def call(self, inputs: Tensor) -> Tensor:
        batch, _, frames, channels = dimensions(inputs)
        apart = tf.reshape(inputs, [batch, frames, self.sources, channels // self.sources])
        return tf.transpose(apart, [0, 2, 1, 3])

    def get_config(self) -> Json:
        return {**super().get_config(), "sources": self.sources}
