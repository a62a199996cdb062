"""What all networks have: encoder, decoder, and the published ones' PReLU."""

from collections.abc import Sequence
from typing import Any

import tensorflow as tf
import tf_keras as keras

from fqss_tf.layers.context import PastContext, SkipStart
from fqss_tf.layers.framing import BlocksToSamples, SamplesToBlocks
from fqss_tf.layers.planes import TakePlane
from fqss_tf.layers.prelu import FixedSlopePReLU, ScalarPReLU
from fqss_tf.layers.remainder import RemainderDecoder
from fqss_tf.models.sizes import EncoderSizes, Residual
from fqss_tf.types import KerasLayer, Tensor

layers = keras.layers
# TensorFlow 2.16's remapper fuses convolution and LeakyReLU into an op that is wrong for a batch
# of 1 behind a dilated convolution (docs/explain/measured.md).
tf.config.optimizer.set_experimental_options({"remapping": False})


def convolution(width: int, name: str, kernel: int = 1, **options: Any) -> KerasLayer:
    """A convolution along T of ``[B, H, T, C]``."""
    return layers.Conv2D(width, (1, kernel), name=name, **options)


def waveform_convolution(width: int, name: str, kernel: int, **options: Any) -> KerasLayer:
    """One from or to samples, whose 16 bits are more than bfloat16 holds."""
    return convolution(width, name, kernel, dtype=keras.backend.floatx(), **options)


def prelu(inputs: Tensor, name: str, for_export: bool) -> Tensor:
    """PReLU of one trained slope; of a constant one, which folding sets, for export."""
    return (FixedSlopePReLU if for_export else ScalarPReLU)(name=name)(inputs)


def past(inputs: Tensor, frames: int, name: str) -> Tensor:
    """``inputs`` behind their past ``frames``; as they are where there are none."""
    return PastContext(frames, name=name)(inputs) if frames else inputs


def mixture_blocks(
    mixture: Tensor, config: EncoderSizes, planes: int, causal: bool = False
) -> list[Tensor]:
    """Mixture ``[B, 1, T, planes * C]`` -> for each plane its blocks ``[B, 1, blocks, hop * C]``.

    C are the channels of the mixture, ``config.audio_channels``.

    ``causal``: past blocks come first, so that a frame ends with its block instead of beginning
    with it, and there are as many frames as blocks.
    """
    found = []
    for index in range(planes):
        plane = mixture
        if planes > 1:
            plane = TakePlane(index, config.audio_channels, name=f"plane_{index}")(mixture)
        blocks = SamplesToBlocks(config.hop, name=f"blocks_{index}")(plane)
        if causal:
            blocks = past(blocks, config.taps - 1, f"encoder_{index}_past")
        found.append(blocks)
    return found


def encoder(blocks: Sequence[Tensor], config: EncoderSizes) -> Tensor:
    """Blocks of each plane -> their encoding ``[B, 1, M, filters]``."""
    return filtered(blocks, config, config.filters, "encoder", use_bias=False)


def filtered(
    blocks: Sequence[Tensor], config: EncoderSizes, width: int, name: str, use_bias: bool = True
) -> Tensor:
    """Blocks of each plane -> filters of the samples, ``[B, 1, M, width]``.

    Args:
        blocks: of ``mixture_blocks``.
        config: sizes.
        width: number of filters.
        name: that of the convolutions begins with.
        use_bias: whether the first one has a bias.
    """
    return summed(filters_of_planes(blocks, config, width, name, use_bias), name)


def filters_of_planes(
    blocks: Sequence[Tensor], config: EncoderSizes, width: int, name: str, use_bias: bool = True
) -> list[Tensor]:
    """The parts of ``filtered``, one of each plane.

    One convolution a plane: weights of 1 and of 1/256 fit no common 8-bit scale. Only those of the
    first plane are trained: the smallest steps of training are large against the others, which
    within 400 steps would be noise.
    """
    return [
        waveform_convolution(
            width, f"{name}_{index}", config.taps, use_bias=use_bias or index > 0,
            trainable=index == 0,
        )(plane)
        for index, plane in enumerate(blocks)
    ]


def summed(parts: Sequence[Tensor], name: str) -> Tensor:
    """The sum of the parts of planes."""
    found, *others = parts
    for index, part in enumerate(others, 1):
        found = layers.Add(name=f"{name}_sum_{index}")([found, part])
    return found


def decoder(
    latent: Tensor, config: EncoderSizes, planes: int, residual: Residual = "exact"
) -> list[Tensor]:
    """Latent ``[B, S, M, filters]`` -> a list of ``planes`` waveforms ``[B, S, T, C]``.

    The second plane is what the 8 bits of the first one leave out, 256 times as large. ``exact``:
    it is subtracted where the decoder adds up, in 32 bits (``RemainderDecoder``). The others do
    it as FQSS does, by a residual encoder E_k and one more 8-bit latent, for any number of
    planes: ``latent_k = latent_(k-1) - E_k(y_(k-1))``, ``y_k = D_k(latent_k)`` (method, section
    3). E_k sees the ``samples`` of a plane, or, as in FQSS's DPTNet, the decoder's ``frames``
    before they are overlapped and added.

    Biases turn rounding into the splitter's flooring.
    """
    if residual == "exact":
        return waveforms(decoded_blocks(latent, config, planes), config)
    outputs, blocks = [], None
    for plane in range(planes):
        if plane > 0:
            latent = _remaining_latent(latent, blocks, config, plane, residual)
        frames = overlapped(latent, config, f"overlap_{plane}")
        blocks = waveform_convolution(
            config.block, f"decoder_{plane}", config.taps, use_bias=planes > 1
        )(frames)
        outputs.append(BlocksToSamples(config.audio_channels, name=f"stage_{plane}")(blocks))
    return outputs


def overlapped(frames: Tensor, config: EncoderSizes, name: str) -> Tensor:
    """Frames with zeros at both ends, so that a convolution gives every block they overlap in."""
    edge = config.taps - 1
    return layers.ZeroPadding2D(((0, 0), (edge, edge)), name=name)(frames)


def _remaining_latent(
    latent: Tensor, blocks: Tensor, config: EncoderSizes, plane: int, residual: Residual
) -> Tensor:
    decoded, kernel = blocks, config.taps
    if residual == "frames":
        frames = convolution(
            config.kernel * config.audio_channels, f"frames_{plane}", use_bias=False
        )
        decoded, kernel = frames(latent), 1
    seen = convolution(
        config.filters, f"residual_encoder_{plane}", kernel, use_bias=False
    )(decoded)
    return layers.Subtract(name=f"latent_{plane}")([latent, seen])


def decoded_blocks(
    latent: Tensor, config: EncoderSizes, planes: int, causal: bool = False,
    beside: Sequence[Tensor] = (),
) -> list[Tensor]:
    """Blocks ``[B, S, blocks, hop * C]`` of each plane of an ``exact`` decoder.

    ``causal``: for frames of causal ``mixture_blocks``. Nothing looks ahead; the blocks come
    ``taps - 1`` later than those of the mixture. ``beside``: blocks of the same shape that are
    added to the decoded ones.
    """
    edge = config.taps - 1
    if causal:
        frames = past(latent, edge, "decoder_0_past")
    else:
        frames = overlapped(latent, config, "overlap_0")
    outputs: list[Tensor] = []
    read = list(beside)
    for plane in range(planes):
        name = f"decoder_{plane}"
        if read:
            blocks = remainder(frames, read, config, name, causal)
        else:
            blocks = waveform_convolution(
                config.block, name, config.taps, use_bias=planes > 1
            )(frames)
        read.append(blocks)
        outputs.append(blocks)
    return outputs


def waveforms(
    planes: Sequence[Tensor], config: EncoderSizes, causal: bool = False
) -> list[Tensor]:
    """Blocks of each plane -> waveforms ``[B, S, T, C]``, the outputs of the network.

    ``causal``: they begin with what came out before the first sample, which is skipped.
    """
    outputs = []
    for index, blocks in enumerate(planes):
        if causal and config.taps > 1:
            blocks = SkipStart(config.taps - 1, name=f"decoder_{index}_skip_start")(blocks)
        outputs.append(BlocksToSamples(config.audio_channels, name=f"stage_{index}")(blocks))
    return outputs


def remainder(
    frames: Tensor, blocks: Sequence[Tensor], config: EncoderSizes, name: str, causal: bool,
    copies: int = 1, trainable: bool = True,
) -> Tensor:
    """A RemainderDecoder of frames ``[B, S, M, C]`` and, beside them, blocks of samples.

    ``causal``: the frames begin ``taps - 1`` before the blocks, else they end so much later.
    ``copies``: how often the blocks are there, one after the other.
    """
    edge = config.taps - 1
    if edge:
        around = ((0, 0), (edge, 0) if causal else (0, edge))
        blocks = [
            layers.ZeroPadding2D(around, name=f"{name}_beside_{index}")(each)
            for index, each in enumerate(blocks)
        ]
    beside = [*blocks] * copies
    joined = layers.Concatenate(name=f"{name}_inputs")([frames, *beside])
    return RemainderDecoder(
        config.block, (1, config.taps), exact=len(beside) * config.block,
        dtype=keras.backend.floatx(), name=name, trainable=trainable,
    )(joined)
