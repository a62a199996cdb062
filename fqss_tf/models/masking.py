"""The latent that the decoders of a quantized network read.

``direct``: the masked encoding of a source, ``m E(x)``, as papers write it.

``centered``: only what the mask m changes against its mean c over recordings, ``(m - c) E(x)``. The
rest, ``c E(x)``, is a fixed filter of the mixture when decoded. Small decoders of their own make
two planes of it, and the decoders of the sources read these beside the latent. This is the same for
a linear encoder E. But the 8 bits of the latent then hold less, so that their steps are finer, and
errors of the 8-bit encoding count only as far as the mask moves.

Training leaves the mean and its decoders as they were measured: its smallest steps would be large
against the weights of the second plane, and both decoders have to stay the same filter.
"""

from collections.abc import Sequence

import numpy as np
import tf_keras as keras

from fqss_tf.layers.center import FromMean
from fqss_tf.layers.framing import BlocksToFrames
from fqss_tf.layers.remainder import PLANE, beside_samples, remainder_kernel
from fqss_tf.models import fine_latent
from fqss_tf.models.sizes import EncoderSizes
from fqss_tf.models.waveform import overlapped, past, remainder, waveform_convolution
from fqss_tf.types import FloatArray, KerasModel, Tensor

layers = keras.layers
MASK_CHANGE = "mask_change"
# Frames of the first input plane, and what is subtracted, are there so many times, with a part of
# the weight each. So the steps of the kernel are fine enough to hold the weights of the second
# plane, 1/256 of the first one's.
COPIES = 8
# The second plane of the filtered mixture is at most so many times the remainder. Its weight is one
# step of the decoders of the sources: the first plane's, so many, still fits in 127 steps.
LARGEST_STRETCH = 64
LARGEST_WEIGHT = 127  # in steps, of 8 bits


def mask_change(masks: Tensor) -> Tensor:
    """Masks less their mean, ``[B, S, M, filters]``."""
    return FromMean(name=MASK_CHANGE, trainable=False)(masks)


def mean_estimate(blocks: Sequence[Tensor], config: EncoderSizes, causal: bool) -> list[Tensor]:
    """What the mean mask makes of the mixture: two planes of blocks, each ``[B, S, blocks, hop]``.

    The second one holds ``stretch`` times what the first one leaves out. They end ``taps - 1``
    frames later than the mixture, or begin so many earlier, as those of the decoders do.

    Args:
        blocks: of both planes of the mixture, as the encoder reads them.
        config: sizes.
        causal: whether past frames come first.
    """
    first, second = (
        BlocksToFrames(config.taps, name=f"mixture_frames_{plane}")(each)
        for plane, each in enumerate(blocks)
    )
    frames = layers.Concatenate(name="mixture_frames")([*[first] * COPIES, second])
    edge = config.taps - 1
    if causal:
        frames = past(frames, edge, "mean_decoder_0_past")
    else:
        frames = overlapped(frames, config, "mixture_overlap")
    coarse = waveform_convolution(
        config.hop, "mean_decoder_0", config.taps, trainable=False
    )(frames)
    rest = remainder(
        frames, [coarse], config, "mean_decoder_1", causal, COPIES, trainable=False
    )
    if config.latents == 1:
        return [coarse, rest]
    return [
        layers.Concatenate(axis=1, name=f"mean_estimates_{plane}")([each] * config.latents)
        for plane, each in enumerate((coarse, rest))
    ]


def decode_beside(network: KerasModel, config: EncoderSizes) -> None:
    """Sets what decoders read beside the latent to what it leaves out, in place.

    That is the mean estimate, of ``centered`` masks, and the fine part, of a latent of two planes;
    nothing is done for other networks. The function becomes that of the network with direct latents
    of one plane, but for the first and the last hop of a recording, which fewer frames overlap.

    Args:
        network: float, from ``fqss_tf.models.registry.build`` with two output planes.
        config: its sizes.
    """
    names = {layer.name for layer in network.layers}
    is_centered, is_fine = MASK_CHANGE in names, fine_latent.DECODERS[0] in names
    if not (is_centered or is_fine):
        return
    decoder = network.get_layer("decoder_0").get_weights()[0][:, :, : config.filters]
    largest = max(np.abs(decoder).max(), LARGEST_WEIGHT / LARGEST_STRETCH)
    stretch = 2 ** np.floor(np.log2(LARGEST_WEIGHT / largest))
    beside: list[float] = []
    if is_centered:
        _decode_mean(network, decoder, config, stretch)
        beside += [1.0, 1 / stretch]
    if is_fine:
        fine_latent.repeat_weights(network)
        fine_latent.set_decoders(network, decoder, config, stretch)
        beside += fine_latent.weights(stretch)
    tap = config.output_tap
    kernels = beside_samples(decoder, beside, tap), remainder_kernel(decoder, tap, [*beside, -1.0])
    for plane, kernel in enumerate(kernels):
        layer = network.get_layer(f"decoder_{plane}")
        layer.set_weights([kernel, layer.get_weights()[1]])


def _decode_mean(
    network: KerasModel, decoder: FloatArray, config: EncoderSizes, stretch: float
) -> None:
    """Sets the decoders of the mean estimate to those of the mean mask."""
    (mean,) = network.get_layer(MASK_CHANGE).get_weights()
    (encoder,) = network.get_layer("encoder_0").get_weights()
    whole = (encoder.reshape(-1, len(mean)) * mean) @ decoder
    filtered = np.concatenate([whole / COPIES] * COPIES + [whole / PLANE], axis=2)
    offset = whole.sum(axis=(0, 1, 2)) / PLANE  # the second plane of the mixture begins at -1
    network.get_layer("mean_decoder_0").set_weights([filtered, offset])
    subtracting = beside_samples(filtered, [-1 / COPIES] * COPIES, config.output_tap)
    network.get_layer("mean_decoder_1").set_weights([stretch * subtracting, stretch * offset])
