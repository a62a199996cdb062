"""What all networks have: encoder, decoder, and the published ones' PReLU."""

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


def encoder(mixture: Tensor, config: EncoderSizes, planes: int, causal: bool = False) -> Tensor:
    """Mixture ``[B, 1, T, planes]`` -> ``[B, 1, M, filters]``.

    One convolution a plane: weights of 1 and of 1/256 fit no common 8-bit scale. ``causal``: a
    frame ends with its block instead of beginning with it, so there are as many frames as blocks.
    """
    encoded = None
    for index in range(planes):
        plane = TakePlane(index, name=f"plane_{index}")(mixture) if planes > 1 else mixture
        blocks = SamplesToBlocks(config.hop, name=f"blocks_{index}")(plane)
        if causal:
            blocks = past(blocks, config.taps - 1, f"encoder_{index}_past")
        part = waveform_convolution(
            config.filters, f"encoder_{index}", config.taps, use_bias=index > 0
        )(blocks)
        encoded = (
            part if encoded is None else layers.Add(name=f"encoder_sum_{index}")([encoded, part])
        )
    return encoded


def decoder(
    masked: Tensor, config: EncoderSizes, planes: int, residual: Residual = "exact"
) -> list[Tensor]:
    """Masked ``[B, S, M, filters]`` -> a list of ``planes`` waveforms ``[B, S, T, 1]``.

    The second plane is what the 8 bits of the first one leave out, 256 times as large. ``exact``:
    it is subtracted where the decoder adds up, in 32 bits (``RemainderDecoder``). The others do
    it as FQSS does, by a residual encoder E_k and one more 8-bit latent, for any number of
    planes: ``latent_k = latent_(k-1) - E_k(y_(k-1))``, ``y_k = D_k(latent_k)`` (method, section
    3). E_k sees the ``samples`` of a plane, or, as in FQSS's DPTNet, the decoder's ``frames``
    before they are overlapped and added.

    Biases turn rounding into the splitter's flooring.
    """
    edge = config.taps - 1
    latent, outputs, blocks = masked, [], None
    frames = None
    for plane in range(planes):
        if plane > 0 and residual != "exact":
            latent = _remaining_latent(latent, blocks, config, plane, residual)
        if frames is None or residual != "exact":
            frames = layers.ZeroPadding2D(((0, 0), (edge, edge)), name=f"overlap_{plane}")(latent)
        if plane > 0 and residual == "exact":
            blocks = _remainder(frames, blocks, config, plane, behind=edge)
        else:
            blocks = waveform_convolution(
                config.hop, f"decoder_{plane}", config.taps, use_bias=planes > 1
            )(frames)
        outputs.append(BlocksToSamples(name=f"stage_{plane}")(blocks))
    return outputs


def _remaining_latent(
    latent: Tensor, blocks: Tensor, config: EncoderSizes, plane: int, residual: Residual
) -> Tensor:
    decoded, kernel = blocks, config.taps
    if residual == "frames":
        frames = convolution(config.kernel, f"frames_{plane}", use_bias=False)
        decoded, kernel = frames(latent), 1
    seen = convolution(
        config.filters, f"residual_encoder_{plane}", kernel, use_bias=False
    )(decoded)
    return layers.Subtract(name=f"latent_{plane}")([latent, seen])


def _remainder(
    frames: Tensor, blocks: Tensor, config: EncoderSizes, plane: int,
    before: int = 0, behind: int = 0,
) -> Tensor:
    """What ``blocks`` leave out of the decoded ``frames``, which begin ``before`` blocks earlier.

    Both are ``[B, S, blocks, C]``; the frames end ``behind`` blocks later.
    """
    if before or behind:
        blocks = layers.ZeroPadding2D(((0, 0), (before, behind)), name=f"decoded_{plane}")(blocks)
    joined = layers.Concatenate(name=f"remainder_{plane}")([frames, blocks])
    return RemainderDecoder(
        config.hop, (1, config.taps), dtype=keras.backend.floatx(), name=f"decoder_{plane}"
    )(joined)


def causal_decoder(masked: Tensor, config: EncoderSizes, planes: int) -> list[Tensor]:
    """The same for frames of ``encoder`` with ``causal``; nothing looks ahead, ``exact`` alone.

    The outputs begin with what came out before the first sample, which is skipped in the end.
    """
    edge = config.taps - 1
    frames = past(masked, edge, "decoder_0_past")
    outputs, blocks = [], None
    for plane in range(planes):
        if plane > 0:
            blocks = _remainder(frames, blocks, config, plane, before=edge)
        else:
            blocks = waveform_convolution(
                config.hop, "decoder_0", config.taps, use_bias=planes > 1
            )(frames)
        whole = SkipStart(edge, name=f"decoder_{plane}_skip_start")(blocks) if edge else blocks
        outputs.append(BlocksToSamples(name=f"stage_{plane}")(whole))
    return outputs
