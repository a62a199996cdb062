"""Keras models as plain functions of the mixture."""

import tensorflow as tf


def separation_function(model):
    """float32 mixture ``[T]`` at the model's level -> estimates ``[S, T]``, as numpy arrays.

    Compiled anew for each T. AutoGraph stays off: no layer has Python control flow over tensors,
    and translating each of hundreds of layers takes far longer than tracing it.
    """
    graph = tf.function(lambda mixture: model(mixture, training=False), autograph=False)
    return lambda mixture: graph(mixture[None, None, :, None])[0, ..., 0].numpy()
