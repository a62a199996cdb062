"""Channels of one tensor brought to one range, by weights before and behind it (cross-layer
equalisation, Nagel et al. 2019)."""

import dataclasses

import numpy as np
import tensorflow as tf
import tf_keras as keras

from fqss_tf.layers.context import Delay, Lookahead, PastContext, SkipStart
from fqss_tf.quantization.bias import CONVOLUTIONS

layers = keras.layers
# What a positive gain of a channel passes through unchanged.
HOMOGENEOUS = (
    layers.ReLU, layers.LeakyReLU, layers.ZeroPadding2D, PastContext, Delay, Lookahead, SkipStart,
)
# Of a channel's range, what the convolution behind it takes over. A depthwise one has a scale for
# each channel and takes all; in another one the channels of a filter share a scale.
POINTWISE_SHARE = 0.5
LARGEST_GAIN = 1000.0


@dataclasses.dataclass(frozen=True)
class Pair:
    """A convolution, the last layer before the next convolutions, and these."""

    first: keras.layers.Layer
    tensor: keras.layers.Layer
    followers: tuple


def pairs(model):
    """The places of a float model where channels can be rescaled and nothing else changes.

    These are convolutions (plain or depthwise) whose output goes through ReLU, LeakyReLU and
    padding alone into convolutions alone. Batch norms must be folded. A layer norm behind the
    activation has one statistic for all channels, so no place is before it.
    """
    found = []
    for layer in model.layers:
        if not _is_simple(layer) or not _is_homogeneous(layer.activation):
            continue
        tensor = layer
        read = [layer]
        while _passes_gains(_only_consumer(tensor)):
            tensor = _only_consumer(tensor)
            read.append(tensor)
        consumers = _consumers(tensor)
        is_inner = not any(each.output is output for each in read for output in model.outputs)
        if consumers and is_inner and all(map(_is_simple, consumers)):
            found.append(Pair(layer, tensor, tuple(consumers)))
    return found


def equalise(model, batches):
    """Rescales channels of a float model in place, which computes the same function.

    The largest values of all channels of a tensor become alike (before depthwise convolutions), or
    half as far apart in decibels as they and the weights that read them are.

    Args:
        model: float, batch norms folded.
        batches: mixtures [B, 1, T, 1] on which the channels are measured.

    Returns:
        The number of tensors that were equalised.
    """
    found = pairs(model)
    if not found:
        return 0
    largest = _largest(model, [pair.tensor for pair in found], batches)
    for pair, extent in zip(found, largest, strict=True):
        gains = _gains(pair, extent)
        kernel, *bias = pair.first.get_weights()
        pair.first.set_weights([_along_outputs(pair.first, kernel, 1 / gains),
                                *(item / gains for item in bias)])
        for follower in pair.followers:
            kernel, *bias = follower.get_weights()
            follower.set_weights([kernel * gains[:, None], *bias])
    return len(found)


def _gains(pair, extent):
    """What each channel is divided by, [C], with a geometric mean near 1."""
    extent = np.maximum(extent, extent.max() / LARGEST_GAIN)
    if not extent.max() > 0:
        return np.ones_like(extent)
    gains = extent
    plain = [each for each in pair.followers if not isinstance(each, layers.DepthwiseConv2D)]
    if plain:
        read = np.max([np.abs(each.get_weights()[0]).max(axis=(0, 1, 3)) for each in plain], axis=0)
        read = np.maximum(read, read.max() / LARGEST_GAIN)
        gains = extent**POINTWISE_SHARE * read ** (POINTWISE_SHARE - 1)
    return gains / np.exp(np.mean(np.log(gains)))


def _largest(model, measured, batches):
    """Largest magnitudes of each channel, [C], for each of ``measured`` layers."""
    outputs = keras.Model(model.input, [layer.output for layer in measured])

    @tf.autograph.experimental.do_not_convert
    def extents(mixture):
        values = tf.nest.flatten(outputs(mixture, training=False))
        return [tf.reduce_max(tf.abs(value), axis=[0, 1, 2]) for value in values]

    run = tf.function(extents, reduce_retracing=True)
    largest = None
    for mixture in batches:
        found = [value.numpy() for value in run(tf.constant(mixture))]
        largest = found if largest is None else list(map(np.maximum, largest, found))
    return largest


def _along_outputs(layer, kernel, factors):
    return kernel * (factors[:, None] if isinstance(layer, layers.DepthwiseConv2D) else factors)


def _is_simple(layer):
    """Whether a layer is a convolution with one output channel, or all, for each input channel."""
    return (
        isinstance(layer, CONVOLUTIONS) and len(layer.inbound_nodes) == 1 and layer.groups == 1
        and getattr(layer, "depth_multiplier", 1) == 1
    )


def _passes_gains(layer):
    has_corner = getattr(layer, "max_value", None) is not None or getattr(layer, "threshold", 0)
    return isinstance(layer, HOMOGENEOUS) and not has_corner


def _is_homogeneous(activation):
    return activation in (keras.activations.linear, keras.activations.relu)


def _consumers(layer):
    return [node.outbound_layer for node in layer.outbound_nodes]


def _only_consumer(layer):
    consumers = _consumers(layer)
    return consumers[0] if len(consumers) == 1 else None
