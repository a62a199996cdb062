"""Means and mean squares of int8 tensors, in ops that all kernel sets compute alike.

Where activations have peaks, nearly all squares are 0 when each is rounded to 8 bits. The product
of a row with itself rounds its sum only. All kernel sets have that op, and agree.
"""

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import tensorflow as tf

from fqss_tf.layers.chunks import dimensions
from fqss_tf.layers.constants import int8_constant, int8_weights
from fqss_tf.types import Activation, FloatArray, Tensor

INNER_TENSORS = ("energy", "mean_square")
# The sums of so many rows are rounded to 8 bits: their errors differ, and their mean is better.
ITEM_ROWS = 8
# So many squares of 255 steps an int32 holds.
MOST_VALUES = 2**31 // 255**2
# Statistics of a recording read so many frames in a row, then leave out the others of a period:
# making rows of all of them took a quarter of a network's time. Single frames at equal distances
# would all meet a tone of that period in the same phase. Of fewer frames than LEAST_THINNED, they
# read all: too few would be left.
READ_FRAMES, READ_PERIOD = 8, 32
LEAST_THINNED = 1024
# Of one MEAN: XNNPACK's is wrong over more than some ten thousand (docs/explain/measured.md).
MOST_MEANT = 2**13


def mean_square(
    items: Tensor, inner: Mapping[str, Activation], as_product: bool = False
) -> Tensor:
    """Mean square of each item: ``[I, N]`` -> ``[I, 1]``.

    Args:
        items: the values.
        inner: what becomes of each of ``INNER_TENSORS``, such as its quantizer: ``energy``, mean
            squares of the rows of an item, and ``mean_square``.
        as_product: compute in the ops of the integer graph; takes a static shape. Else in fewer
            operations, which give the same.
    """
    flat, rows, filled = _in_rows(items, ITEM_ROWS)
    powers, factor = _row_powers(flat, inner["energy"], as_product)
    powers = tf.reshape(powers, [items.shape[0] or -1, rows])
    mean = int8_constant(np.full((rows, 1), filled / (rows * factor)))
    return inner["mean_square"](tf.matmul(powers, mean))


def weighted_mean_square(
    inputs: Tensor, weights: FloatArray | Tensor, inner: Mapping[str, Activation],
    as_product: bool = False,
) -> Tensor:
    """Sum of the mean squares of the channels, each times its weight: [B, 1, T, C] -> [B, 1, 1, 1].

    Args:
        inputs: the values.
        weights: of the channels, [C].
        inner: as of ``mean_square``; ``energy`` is the mean squares of the channels.
        as_product: as of ``mean_square``.
    """
    batch, _, frames, channels = dimensions(inputs)
    if as_product:
        by_channel = tf.reshape(
            tf.transpose(inputs, [0, 1, 3, 2]), [batch * channels, frames]
        )
        by_row, rows, filled = _in_rows(by_channel, 1)
        powers, factor = _row_powers(by_row, inner["energy"], True)
    else:
        rows, factor, filled = 1, 1, 1.0
        powers = inner["energy"](tf.reduce_mean(tf.square(inputs), axis=2))
    powers = tf.reshape(powers, [batch, 1, 1, channels * rows])
    kernel = int8_weights(weights, rows, rows * factor / filled)
    return inner["mean_square"](tf.nn.conv2d(powers, kernel, 1, "VALID"))


def weighted_mean(
    inputs: Tensor, weights: FloatArray | Tensor, channel_mean: Activation
) -> Tensor:
    """Sum of the means of the channels, each times its weight: [B, 1, T, C] -> [B, 1, 1, 1].

    Args:
        inputs: the values.
        weights: of the channels, [C].
        channel_mean: what becomes of the means over T, such as their quantizer.
    """
    means = channel_mean(tf.reduce_mean(inputs, axis=2, keepdims=True))
    return tf.nn.conv2d(means, int8_weights(weights), 1, "VALID")


def read_frames(inputs: Tensor, mode: str) -> Tensor:
    """The frames of ``[B, H, T, C]`` that statistics read: a quarter of many, all of few.

    Args:
        inputs: the values.
        mode: of the quantizers; ``deploy`` takes the one op that copies no more than it reads,
            whose gradient would be slow.
    """
    batch, rows, frames, channels = dimensions(inputs)
    if mode == "deploy" and isinstance(frames, int):
        if frames < LEAST_THINNED:
            return inputs
        whole = np.arange(frames // READ_PERIOD * READ_PERIOD, dtype=np.int32)
        return tf.gather(inputs, whole[whole % READ_PERIOD < READ_FRAMES], axis=2)
    if isinstance(frames, int):
        period, read = (
            (READ_PERIOD, READ_FRAMES) if frames >= LEAST_THINNED else (frames, frames)
        )
    else:
        is_long = frames >= LEAST_THINNED
        period, read = (tf.where(is_long, size, frames) for size in (READ_PERIOD, READ_FRAMES))
    periods = frames // period
    whole = tf.reshape(inputs[:, :, : periods * period], [batch, rows * periods, period, channels])
    return tf.reshape(whole[:, :, :read], [batch, rows, periods * read, channels])


def mean_in_steps(
    inputs: Tensor, channel_mean: Activation, axes: tuple[int, ...]
) -> Tensor:
    """Mean of ``[B, H, T, C]`` over ``axes``, kept as 1: over T first, then the rest.

    XNNPACK's int8 MEAN is wrong over more than some ten thousand values whose zero point is not 0
    (docs/explain/measured.md), so no step has as many.

    Args:
        inputs: the values.
        channel_mean: what becomes of the means over T, such as their quantizer.
        axes: (2, 3), or (1, 2, 3).
    """
    batch, rows, _, channels = dimensions(inputs)
    inputs, pieces, filled = _in_pieces(inputs)
    means = channel_mean(tf.reduce_mean(inputs, axis=2, keepdims=True))
    if 1 in axes:
        means = tf.reshape(means, [batch, 1, 1, rows * pieces * channels])
    elif pieces > 1:
        means = tf.reshape(means, [batch, rows, 1, pieces * channels])
    if filled == 1:
        return tf.reduce_mean(means, axis=3, keepdims=True)
    weights = np.full((means.shape[3], 1), filled / means.shape[3])
    return tf.matmul(means, int8_constant(weights))


def item_power(
    inputs: Tensor, inner: Mapping[str, Activation], mode: str, axes: tuple[int, ...] = (1, 2, 3)
) -> Tensor:
    """Mean square over ``axes`` of a quantized tensor ``[B, H, T, C]``, these axes kept as 1.

    Args:
        inputs: the values.
        inner: as of ``mean_square``.
        mode: of the quantizers; ``deploy`` takes the ops of the integer graph where it can.
        axes: the last ones of the tensor.
    """
    shape = dimensions(inputs)
    items = tf.reshape(inputs, [math.prod(shape[: axes[0]]), math.prod(shape[axes[0] :])])
    power = mean_square(items, inner, mode == "deploy" and items.shape.is_fully_defined())
    return tf.reshape(power, [*shape[: axes[0]], *[1] * len(axes)])


def _in_pieces(inputs: Tensor) -> tuple[Tensor, int, float]:
    """(``[B, H, T, C]`` as ``[B, H * P, L, C]``, P, ``P * L / T``).

    There are as few pieces as a MEAN bears; one if T is not known. Zeros fill up the last one.
    """
    batch, rows, frames, channels = dimensions(inputs)
    pieces = -(-frames // MOST_MEANT) if isinstance(frames, int) else 1
    if pieces == 1:
        return inputs, 1, 1.0
    length = -(-frames // pieces)
    if missing := pieces * length - frames:
        inputs = tf.pad(inputs, [[0, 0], [0, 0], [0, missing], [0, 0]])
    return (
        tf.reshape(inputs, [batch, rows * pieces, length, channels]), pieces,
        pieces * length / frames,
    )


def _row_powers(rows: Tensor, energy: Any, as_product: bool) -> tuple[Tensor, int]:
    """(powers, factor) of rows ``[R, K]``: their mean squares ``[R]`` times a factor.

    ``energy``: an Activation; with ``as_product`` one that has the attribute ``quantizer``.
    """
    if not as_product:
        return energy(tf.reduce_mean(tf.square(rows), axis=1)), 1
    count = rows.shape[1]
    rows = tf.reshape(rows, [rows.shape[0], 1, count])  # a slice would copy them
    sums = tf.matmul(rows, rows, transpose_b=True)
    # An int8 sum is an int8 mean of another scale: no op divides.
    energy.quantizer.factor = count
    try:
        return energy(sums), count
    finally:
        energy.quantizer.factor = 1


def _in_rows(items: Tensor, least: int) -> tuple[Tensor, int, float]:
    """(items ``[I, N]`` as rows ``[I * R, K]``, R, ``R * K / N``).

    No sum of squares of a row may overflow. Where N cannot be cut so, zeros fill up the last row;
    where it is not known, each item is a row.
    """
    count, values = items.shape.as_list()
    if values is None:
        return items, 1, 1.0
    needed = max(least, 2 ** max(0, math.ceil(math.log2(values / MOST_VALUES))))
    rows = math.gcd(values, needed)
    if values // rows > MOST_VALUES:
        rows = needed
    length = -(-values // rows)
    missing = rows * length - values
    if missing:
        items = tf.pad(items, [[0, 0], [0, missing]])
    rows_of_all = -1 if count is None else count * rows
    return tf.reshape(items, [rows_of_all, length]), rows, rows * length / values
