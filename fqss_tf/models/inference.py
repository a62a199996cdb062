"""Keras models as plain functions of the mixture."""

import functools
from collections.abc import Callable
from typing import TypeAlias

import numpy as np
import tensorflow as tf

from fqss_tf.audio.hybrid import separate as separate_hybrid
from fqss_tf.audio.ratio_masks import separate_whole
from fqss_tf.formats import SpectrogramForm
from fqss_tf.types import FloatArray, KerasModel, Separate, Sources, Tensor, Waveform

HybridSeparate: TypeAlias = Callable[[FloatArray], FloatArray]


def separation_function(model: KerasModel, channels: int = 1) -> Separate:
    """float32 mixture ``[T]`` at the model's level -> estimates ``[S, T]``, as numpy arrays.

    A model of several ``channels`` hears the mixture in all of them; estimates are their mean. Or
    it is given ``[T, channels]``, and gives ``[S, T, channels]``.

    Traced once for each T. AutoGraph stays off: no layer has Python control flow over tensors, and
    translating each of hundreds of layers takes far longer than tracing it.
    """
    graph = tf.function(lambda mixture: model(mixture, training=False), autograph=False)

    @functools.cache
    def traced(samples: int) -> Callable[[Tensor], Tensor]:
        return graph.get_concrete_function(tf.TensorSpec([1, 1, samples, channels], tf.float32))

    def separate(mixture: Waveform) -> Sources:
        heard = mixture if mixture.ndim == 2 else np.stack([mixture] * channels, axis=1)
        estimates = traced(len(mixture))(tf.constant(heard[None, None], tf.float32))[0].numpy()
        return estimates if mixture.ndim == 2 else estimates.mean(axis=2)

    return separate


def estimates_of_samples(
    model: Callable[..., Tensor], mixture: Tensor, training: bool, channels: int = 1
) -> Tensor:
    """Returns estimates [B, S, T] of mixtures [B, T] by a model [B, 1, T, C] -> [B, S, T, C].

    It hears the mixture in all channels; estimates are their mean.
    """
    heard = tf.stack([mixture] * channels, axis=-1)[:, None]
    return tf.reduce_mean(model(heard, training=training), axis=-1)


def hybrid_function(model: KerasModel, kernel: int) -> HybridSeparate:
    """Stereo [T, 2] -> estimates [S, T, 2] of a model over waveforms and spectrograms.

    Args:
        model: normalized waveform and spectrogram -> those of all sources.
        kernel: window of the transform, in samples.
    """
    graph = tf.function(lambda *heard: model(heard, training=False), autograph=False)

    def network(waveform: FloatArray, heard: FloatArray) -> tuple[FloatArray, FloatArray]:
        waves, spectra = graph(
            tf.constant(waveform[None, None], tf.float32), tf.constant(heard[None], tf.float32)
        )
        return waves[0, 0].numpy(), spectra[0].numpy()

    return lambda samples: separate_hybrid(samples, network, kernel)


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
