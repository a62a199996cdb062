"""Keras models as plain functions of the mixture."""

import functools
from collections.abc import Callable

import tensorflow as tf

from fqss_tf.types import KerasModel, Separate, Tensor


def separation_function(model: KerasModel) -> Separate:
    """float32 mixture ``[T]`` at the model's level -> estimates ``[S, T]``, as numpy arrays.

    Traced once for each T. AutoGraph stays off: no layer has Python control flow over tensors,
    and translating each of hundreds of layers takes far longer than tracing it.
    """
    graph = tf.function(lambda mixture: model(mixture, training=False), autograph=False)

    @functools.cache
    def traced(samples: int) -> Callable[[Tensor], Tensor]:
        return graph.get_concrete_function(tf.TensorSpec([1, 1, samples, 1], tf.float32))

    return lambda mixture: (
        traced(len(mixture))(tf.constant(mixture[None, None, :, None], tf.float32))[0, ..., 0]
    ).numpy()
