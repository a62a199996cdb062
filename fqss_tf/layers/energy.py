"""Means and mean squares of int8 tensors, in ops that all kernel sets compute alike.

Where activations have peaks, nearly all squares are 0 when each is rounded to 8 bits. A matrix
product of the tensor with itself rounds the sums only. All kernel sets have that op, and agree.
"""

import math
from collections.abc import Callable, Mapping

import numpy as np
import tensorflow as tf

from fqss_tf.layers.chunks import dimensions
from fqss_tf.layers.constants import int8_constant

INNER_TENSORS = ("energy", "mean_square")
# Kernels of matrix products take so many rows at once, however few there are.
KERNEL_ROWS = 8
# So many squares of 127 steps an int32 holds.
MOST_VALUES = 2**31 // 127**2


def mean_square(
    items: tf.Tensor, inner: Mapping[str, Callable], as_product: bool = False
) -> tf.Tensor:
    """Mean square of each item: ``[I, N]`` -> ``[I, 1]``.

    Args:
        items: the values.
        inner: what becomes of each of ``INNER_TENSORS``, such as its quantiser: ``energy``, sums of
            squares of the rows of an item, and ``mean_square``.
        as_product: compute in the ops of the integer graph; takes a static shape. Else in fewer
            operations, which give the same.
    """
    count = items.shape[1] or tf.shape(items)[1]
    groups, rows = _division(items.shape[1])
    parts = tf.reshape(items, [items.shape[0] or -1, groups, rows, count // (groups * rows)])
    if not as_product:
        energy = inner["energy"](tf.reduce_sum(tf.square(parts), axis=-1))
        total = tf.reduce_sum(energy, axis=(1, 2))[:, None]
        return inner["mean_square"](total / tf.cast(count, items.dtype))
    # Only the diagonals count. The products beside them cost next to nothing.
    matrices = tf.reshape(parts, [items.shape[0] * groups, rows, count // (groups * rows)])
    products = inner["energy"](tf.matmul(matrices, matrices, transpose_b=True))
    mean_of_diagonal = np.tile(np.eye(rows), (groups, 1, 1)).reshape(-1, 1) / count
    flat = tf.reshape(products, [items.shape[0], groups * rows * rows])
    return inner["mean_square"](tf.matmul(flat, int8_constant(mean_of_diagonal)))


def mean_in_steps(
    inputs: tf.Tensor, channel_mean: Callable, axes: tuple[int, ...]
) -> tf.Tensor:
    """Mean of ``[B, H, T, C]`` over ``axes``, kept as 1: over T first, then the rest.

    XNNPACK's int8 MEAN is wrong over more than some ten thousand values whose zero point is not 0
    (docs/measured.md), so no step has as many.

    Args:
        inputs: the values.
        channel_mean: what becomes of the means over T, such as their quantiser.
        axes: (2, 3), or (1, 2, 3).
    """
    means = channel_mean(tf.reduce_mean(inputs, axis=2, keepdims=True))
    if 1 in axes:
        batch, rows, _, channels = dimensions(means)
        means = tf.reshape(means, [batch, 1, 1, rows * channels])
    return tf.reduce_mean(means, axis=3, keepdims=True)


def item_power(
    inputs: tf.Tensor, inner: Mapping[str, Callable], mode: str, axes: tuple[int, ...] = (1, 2, 3)
) -> tf.Tensor:
    """Mean square over ``axes`` of a quantised tensor ``[B, H, T, C]``, these axes kept as 1.

    Args:
        inputs: the values.
        inner: as of ``mean_square``.
        mode: of the quantisers; ``deploy`` takes the ops of the integer graph where it can.
        axes: the last ones of the tensor.
    """
    shape = dimensions(inputs)
    items = tf.reshape(inputs, [math.prod(shape[: axes[0]]), math.prod(shape[axes[0] :])])
    power = mean_square(items, inner, mode == "deploy" and items.shape.is_fully_defined())
    return tf.reshape(power, [*shape[: axes[0]], *[1] * len(axes)])


def _division(count):
    """(groups, rows in each) that an item of ``count`` values is cut into; None: not yet known.

    A matrix product takes as long as its rows are many, so that long items become several products.
    """
    if count is None:
        return 1, 1
    rows = math.gcd(count, KERNEL_ROWS)
    needed = 2 ** max(0, math.ceil(math.log2(count / rows / MOST_VALUES)))
    return math.gcd(count // rows, needed), rows
