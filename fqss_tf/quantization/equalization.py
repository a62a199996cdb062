"""Channels of one range: scales that move from one layer's weights to the next one's.

An activation has one scale for all its channels, and a trained network can have channels of very
different ranges: the small ones get few steps. Dividing a channel by a number where it is made, and
multiplying by it where it is used, leaves the function as it is, because what lies between is
positively homogeneous (Nagel et al. 2019, section 4.1). Weights have a scale per output channel, so
that most of it costs no precision there.
"""

from collections.abc import Iterable

import numpy as np
import tensorflow as tf
import tf_keras as keras

from fqss_tf.layers.fine import STRETCH_BITS, FineProduct
from fqss_tf.layers.remainder import RemainderDecoder
from fqss_tf.models.fine_latent import repeat_weights
from fqss_tf.models.network import SpectrogramNetwork
from fqss_tf.models.registry import network_of
from fqss_tf.models.sizes import EncoderSizes
from fqss_tf.quantization.calibration import least_error_bound
from fqss_tf.quantization.histogram import Histogram
from fqss_tf.types import FloatArray, KerasModel, NetworkInputs

SMALLEST_BOUND = 1e-6  # of a latent that is silent


def equalize(
    network: keras.Model, config: EncoderSizes, mixtures: Iterable[np.ndarray]
) -> None:
    """Equalizes the channels of a network, in place; its function stays the same.

    Only networks that say how (``Network.equalize``) are changed. And the latent of a network
    with a RemainderDecoder gets the range of samples.

    Args:
        network: float, from ``fqss_tf.quantization.folding.add_planes``.
        config: its sizes.
        mixtures: batches ``[B, T]`` at the level of the network, on which ranges are measured.
    """
    family = network_of(config)
    of_magnitudes = isinstance(family, SpectrogramNetwork)

    def ranges(names: Iterable[str], exponent: float = np.inf) -> dict[str, FloatArray]:
        inputs = (family.inputs(mixture, config) for mixture in mixtures)
        # One song of twelve may have ten times the peak of the others in a channel.
        over_batches = 1.0 if of_magnitudes else exponent
        return channel_ranges(network, names, inputs, exponent, over_batches)

    family.equalize(network, config, ranges)
    if of_magnitudes:
        return  # its joins have the range of samples already
    is_fine = any(isinstance(layer, FineProduct) for layer in network.layers)

    def bound(name: str) -> float:
        inputs = (family.inputs(mixture, config) for mixture in mixtures)
        bits = 8 + is_fine * STRETCH_BITS  # small values have steps of so many
        return latent_bound(network, name, inputs, bits)

    if is_fine:
        (encoding,) = network.get_layer("encoded_coarse").inbound_nodes[0].keras_inputs
        family.scale_latent(network, config, 1 / bound(encoding.node.layer.name))
        repeat_weights(network)
        family.scale_masks(network, config, 1 / bound("masked"))
    elif any(isinstance(layer, RemainderDecoder) for layer in network.layers):
        for latent in family.latents(config):
            family.scale_latent(network, config, 1 / bound(latent), latent)


def latent_bound(
    network: KerasModel, latent: str, inputs: Iterable[NetworkInputs], bits: int = 8
) -> float:
    """Returns the bound b of the range [-b, b) that suits a latent best in so many bits.

    With a RemainderDecoder it is next to samples, and has their range, [-1, 1): it must be scaled.

    Args:
        network: float.
        latent: name of the layer that makes it.
        inputs: batches as the network takes them.
        bits: of its steps.
    """
    masked = keras.Model(network.input, network.get_layer(latent).output)
    histogram = Histogram()
    count = tf.function(lambda mixture: histogram.add(masked(mixture)), autograph=False)
    for batch in inputs:
        count(batch)
    return max(least_error_bound(*histogram.counted(), bits=bits), SMALLEST_BOUND)


def channel_ranges(
    network: KerasModel, names: Iterable[str], inputs: Iterable[NetworkInputs],
    exponent: float = np.inf, over_batches: float = np.inf,
) -> dict[str, FloatArray]:
    """Measures, by name of layer, how large ``[C]`` each channel of its output is.

    Args:
        network: float.
        names: of the layers.
        inputs: batches as the network takes them.
        exponent: p of the mean ``mean(|x|^p)^(1/p)`` of a batch that counts; infinite: the largest
            magnitude.
        over_batches: the same of the mean over batches.
    """
    names = sorted(names)
    outputs = keras.Model(network.input, [network.get_layer(name).output for name in names])

    def sizes(batch: tf.Tensor) -> list[tf.Tensor]:
        found = []
        for output in tf.nest.flatten(outputs(batch)):
            largest = tf.reduce_max(tf.abs(output), axis=(0, 1, 2))
            if np.isfinite(exponent):
                shares = tf.math.divide_no_nan(tf.abs(output), largest)
                largest *= tf.reduce_mean(shares**exponent, axis=(0, 1, 2)) ** (1 / exponent)
            found.append(largest)
        return found

    measure = tf.function(sizes, autograph=False)
    batches = [measure(batch) for batch in inputs]
    of_layers = zip(*batches, strict=True)
    return {
        name: _power_mean(np.asarray(found), over_batches)
        for name, found in zip(names, of_layers, strict=True)
    }


def _power_mean(values: FloatArray, exponent: float) -> FloatArray:
    """Over the first axis; infinite: the largest."""
    largest = values.max(axis=0)
    if not np.isfinite(exponent):
        return largest
    shares = values / np.maximum(largest, np.finfo(np.float32).tiny)
    return np.asarray(largest * np.mean(shares**exponent, axis=0) ** (1 / exponent), np.float32)
