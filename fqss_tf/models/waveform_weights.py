"""Published encoder and decoder kernels for the convolutions over blocks of samples."""

import re

import numpy as np

from fqss_tf.types import FloatArray, KerasLayer, KerasModel, LayerWeights

ENCODERS = re.compile(r"(residual_)?encoder_\d+")
DECODERS = re.compile(r"decoder_\d+")


def samples_kernel_to_blocks(kernel: FloatArray, hop: int) -> FloatArray:
    """Encoder kernel ``[N, C, k]`` -> ``[1, taps, hop * C, N]`` over blocks of ``hop`` samples."""
    filters, channels, length = kernel.shape
    taps = length // hop
    apart = kernel.reshape(filters, channels, taps, hop).transpose(2, 3, 1, 0)
    return apart.reshape(1, taps, hop * channels, filters)


def transposed_kernel_to_blocks(kernel: FloatArray, hop: int) -> FloatArray:
    """Transposed kernel ``[N, C, k]`` -> plain ``[1, taps, N, hop * C]``, taps reversed."""
    filters, channels, length = kernel.shape
    taps = length // hop
    apart = kernel.reshape(filters, channels, taps, hop).transpose(2, 0, 3, 1)[::-1]
    return apart.reshape(1, taps, filters, hop * channels)


def assign(model: KerasModel, weights: LayerWeights) -> None:
    """Sets the weights of every named layer of a Keras model.

    Raises:
        ValueError: a layer has other shapes than its weights.
    """
    for name, values in weights.items():
        model.get_layer(name).set_weights(values)


def scale_latent(network: KerasModel, scales: FloatArray | float) -> None:
    """Multiplies what the encoders make by ``scales``, and divides by them what decoders read.

    Args:
        network: float Keras model, changed in place.
        scales: one, or one for each channel ``[filters]``.
    """
    latent = network.get_layer("masked").output.shape[-1]
    for layer in network.layers:
        if ENCODERS.fullmatch(layer.name):
            layer.set_weights([values * scales for values in layer.get_weights()])
        elif DECODERS.fullmatch(layer.name):
            multiply_latent(layer, np.broadcast_to(1 / np.asarray(scales), [latent]))


def multiply_latent(decoder: KerasLayer, scales: FloatArray) -> None:
    """Multiplies the weights of a decoder for each channel of the latent, in place.

    Args:
        decoder: may have inputs behind the latent, whose weights stay.
        scales: one for each channel ``[filters]``.
    """
    kernel, *bias = decoder.get_weights()
    kernel[:, :, : len(scales)] *= scales[:, None]
    decoder.set_weights([kernel, *bias])
