"""Encoding and latent of two 8-bit parts, and the fine part of the latent decoded to samples.

``value = fine / STRETCH + coarse`` (``fqss_tf.layers.fine``), for both. Encoders of their own make
the fine part of the encoding, with the same filters.

8 bits cannot hold the weights of a decoder beside a sixteenth of them. So small decoders of their
own make two planes of samples of the fine part of the latent, and the decoders of the sources read
these beside the coarse part, with weights that are exact.
"""

import re
from collections.abc import Sequence

import tf_keras as keras

from fqss_tf.layers.fine import STRETCH, CoarsePart, FineProduct, Saturated
from fqss_tf.layers.rectify import Rectify
from fqss_tf.layers.remainder import beside_samples
from fqss_tf.models.sizes import EncoderSizes
from fqss_tf.models.waveform import (
    convolution,
    filters_of_planes,
    overlapped,
    past,
    remainder,
    summed,
    waveform_convolution,
)
from fqss_tf.types import FloatArray, KerasModel, Tensor

# Of the first plane of samples, which so has room for [-1/2, 1/2).
WEIGHT = 1 / 2
# How often that plane is there to be subtracted, with a part of the weight each. So the steps of
# the kernel are fine enough for the other weights.
COPIES = 8
DECODERS = ("fine_decoder_0", "fine_decoder_1")
PREFIX = "fine_"
ENCODER, BOTTLENECK = f"{PREFIX}encoder", f"{PREFIX}bottleneck"
# Where what the first plane adds to the fine part of the encoding is cut off. The second plane
# moves it by less than a half.
ROOM = 1.5

layers = keras.layers


def encoding_parts(
    encoded: Tensor, blocks: Sequence[Tensor], config: EncoderSizes
) -> tuple[Tensor, Tensor]:
    """The coarse and the fine part of the encoding, each ``[B, 1, M, filters]``.

    Args:
        encoded: the encoding.
        blocks: of each plane of the mixture, as the encoder reads them.
        config: sizes.
    """
    found = filters_of_planes(blocks, config, config.filters, ENCODER, use_bias=False)
    if len(found) > 1:
        found[0] = Saturated(ROOM, name=f"{ENCODER}_0_saturated")(found[0])
    fine = Saturated(name="encoded_fine")(summed(found, ENCODER))
    return CoarsePart(name="encoded_coarse")(encoded), fine


def rectified_bottleneck(parts: tuple[Tensor, Tensor], width: int) -> Tensor:
    """The bottleneck of the rectified encoding, ``[B, 1, M, width]``.

    The rectified parts make the rectified whole. Each has weights of its own, for the same reason
    as decoders.
    """
    coarse, fine = (
        Rectify(name=f"features_{name}")(part)
        for name, part in zip(("coarse", "fine"), parts, strict=True)
    )
    return layers.Add(name="bottleneck_sum_1")([
        convolution(width, "bottleneck")(coarse),
        convolution(width, BOTTLENECK, use_bias=False)(fine),
    ])


def latent_parts(
    masks: Tensor, encoded: Tensor, parts: tuple[Tensor, Tensor]
) -> tuple[Tensor, Tensor]:
    """The coarse and the fine part of the latent, each ``[B, S, M, filters]``.

    Args:
        masks: ``[B, S, M, filters]``.
        encoded: the encoding, ``[B, 1, M, filters]``.
        parts: of the encoding.
    """
    coarse, fine = parts
    # STRETCH * masks * encoded is this sum. Both terms have one sign, so that it may be cut off
    # where one of them is.
    small = layers.Multiply(name="masked_small")([masks, fine])
    large = FineProduct(name="masked_large")([masks, coarse])
    total = Saturated(name="masked_fine")(layers.Add(name="masked_fine_sum")([small, large]))
    whole = layers.Multiply(name="masked")([masks, encoded])
    return CoarsePart(name="masked_coarse")(whole), total


def repeat_weights(network: KerasModel) -> None:
    """Gives what is of fine parts of the encoding the weights of the whole, in place.

    Args:
        network: float; nothing is done without fine parts.
    """
    for layer in network.layers:
        if re.fullmatch(rf"{ENCODER}_\d+", layer.name):
            encoder = network.get_layer(layer.name.removeprefix(PREFIX))
            layer.set_weights([STRETCH * values for values in encoder.get_weights()])
        elif layer.name == BOTTLENECK:
            kernel, *_ = network.get_layer(layer.name.removeprefix(PREFIX)).get_weights()
            layer.set_weights([kernel / STRETCH])


def fine_estimate(fine: Tensor, config: EncoderSizes, causal: bool) -> list[Tensor]:
    """Two planes of blocks of samples, each ``[B, S, blocks, hop]``.

    As ``fqss_tf.models.masking.mean_estimate`` of the mixture.
    """
    edge = config.taps - 1
    if causal:
        frames = past(fine, edge, f"{DECODERS[0]}_past")
    else:
        frames = overlapped(fine, config, "fine_overlap")
    first = waveform_convolution(config.block, DECODERS[0], config.taps, use_bias=False)(frames)
    return [first, remainder(frames, [first], config, DECODERS[1], causal, COPIES)]


def weights(stretch: float) -> Sequence[float]:
    """Those of both planes in the decoders of the sources, where 1 / ``stretch`` is a step."""
    return [WEIGHT, 1 / stretch]


def set_decoders(
    network: KerasModel, decoder: FloatArray, config: EncoderSizes, stretch: float
) -> None:
    """Sets the decoders of the fine part, in place.

    Args:
        network: float, with a latent of two planes.
        decoder: kernel of the decoder of the sources, ``[1, taps, filters, hop]``.
        config: sizes.
        stretch: as of ``weights``.
    """
    own = decoder / STRETCH / WEIGHT
    network.get_layer(DECODERS[0]).set_weights([own])
    subtracting = beside_samples(own, [-1 / COPIES] * COPIES, config.output_tap)
    rest = WEIGHT * stretch * subtracting
    layer = network.get_layer(DECODERS[1])
    layer.set_weights([rest, *(0 * bias for bias in layer.get_weights()[1:])])
