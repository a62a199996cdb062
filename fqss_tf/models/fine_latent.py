"""The fine part of a latent of two planes, decoded to samples.

``latent = fine / STRETCH + coarse`` (``fqss_tf.layers.fine``). 8 bits cannot hold the weights of a
decoder beside a sixteenth of them. So small decoders of their own make two planes of samples of
the fine part, and the decoders of the sources read these beside the coarse part, with weights that
are exact.
"""

from collections.abc import Sequence

import tf_keras as keras

from fqss_tf.layers.fine import STRETCH, CoarsePart, FineProduct
from fqss_tf.layers.remainder import beside_samples
from fqss_tf.models.sizes import EncoderSizes
from fqss_tf.models.waveform import overlapped, past, remainder, waveform_convolution
from fqss_tf.types import FloatArray, KerasModel, Tensor

# Of the first plane of samples, which so has room for [-1/2, 1/2).
WEIGHT = 1 / 2
# How often that plane is there to be subtracted, with a part of the weight each. So the steps of
# the kernel are fine enough for the other weights.
COPIES = 8
DECODERS = ("fine_decoder_0", "fine_decoder_1")


def parts(masks: Tensor, encoded: Tensor) -> tuple[Tensor, Tensor]:
    """The coarse and the fine part of a latent, each ``[B, S, M, filters]``."""
    whole = keras.layers.Multiply(name="masked")([masks, encoded])
    return CoarsePart(name="masked_coarse")(whole), FineProduct(name="masked_fine")(
        [masks, encoded]
    )


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
