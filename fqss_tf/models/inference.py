"""Keras models as plain functions of the mixture."""

import functools
from collections.abc import Callable

import tensorflow as tf

from fqss_tf.audio.ratio_masks import separate_whole
from fqss_tf.formats import SpectrogramForm
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


def mask_function(model: KerasModel, form: SpectrogramForm, sources: int) -> Separate:
    """float32 mixture ``[T]`` -> estimates ``[S, T]`` of a model over spectrograms, any T.

    A mixture of two channels, ``[T, 2]``, gives ``[S, T, 2]``.

    Args:
        model: magnitudes -> logits of the masks.
        form: what it hears.
        sources: that it gives.
    """
    graph = tf.function(lambda heard: model(heard, training=False), autograph=False)
    return lambda mixture: separate_whole(
        mixture, lambda heard: graph(tf.constant(heard[None]))[0].numpy(), form, sources
    )
