"""What all networks have: encoder, decoder, and the published ones' PReLU."""

from typing import Any

import tensorflow as tf
import tf_keras as keras

from fqss_tf.layers.context import Delay, PastContext, SkipStart
from fqss_tf.layers.framing import BlocksToSamples, SamplesToBlocks
from fqss_tf.layers.planes import TakePlane
from fqss_tf.layers.prelu import FixedSlopePReLU, ScalarPReLU
from fqss_tf.models.sizes import EncoderSizes
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


def delayed(inputs: Tensor, frames: int, name: str) -> Tensor:
    """``inputs``, ``frames`` later; as they are for none."""
    return Delay(frames, name=name)(inputs) if frames else inputs


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
    masked: Tensor, config: EncoderSizes, planes: int, frame_residual: bool = False
) -> list[Tensor]:
    """Masked ``[B, S, M, filters]`` -> a list of ``planes`` waveforms ``[B, S, T, 1]``.

    Each further plane decodes what the 8-bit plane before it lost, found in the latent domain.
    ``latent_k = latent_(k-1) - E_k(y_(k-1))``, ``y_k = D_k(latent_k)`` (method, section 3). D_k is
    its own copy of the decoder, 256 times as large as the one before: a plane then fills the 8 bits
    below the plane before it. Biases turn rounding into the splitter's flooring.

    ``frame_residual``: E_k sees the decoder's frames before they are overlapped and added, as FQSS
    has it for DPTNet. What the sum loses by rounding it then cannot see.
    """
    edge = config.taps - 1
    latent, outputs, blocks = masked, [], None
    for plane in range(planes):
        if plane > 0:
            decoded, kernel = blocks, config.taps
            if frame_residual:
                frames = convolution(config.kernel, f"frames_{plane}", use_bias=False)
                decoded, kernel = frames(latent), 1
            seen = convolution(
                config.filters, f"residual_encoder_{plane}", kernel, use_bias=False
            )(decoded)
            latent = layers.Subtract(name=f"latent_{plane}")([latent, seen])
        padded = layers.ZeroPadding2D(((0, 0), (edge, edge)), name=f"overlap_{plane}")(latent)
        blocks = waveform_convolution(
            config.hop, f"decoder_{plane}", config.taps, use_bias=planes > 1
        )(padded)
        outputs.append(BlocksToSamples(name=f"stage_{plane}")(blocks))
    return outputs


def causal_decoder(masked: Tensor, config: EncoderSizes, planes: int) -> list[Tensor]:
    """The same for frames of ``encoder`` with ``causal``; nothing looks ahead.

    Where ``decoder`` waits for frames to come, plane k lags ``taps - 1`` blocks behind plane k - 1
    here, whose results are delayed until both are there. The outputs begin with what came out
    before the first sample, which is skipped in the end.
    """
    edge = config.taps - 1
    latent, outputs, blocks = masked, [], None
    for plane in range(planes):
        if plane > 0:
            seen = convolution(
                config.filters, f"residual_encoder_{plane}", config.taps, use_bias=False
            )(past(blocks, edge, f"residual_encoder_{plane}_past"))
            latent = delayed(latent, edge, f"latent_{plane}_delayed")
            latent = layers.Subtract(name=f"latent_{plane}")([latent, seen])
        joined = past(latent, edge, f"decoder_{plane}_past")
        blocks = waveform_convolution(
            config.hop, f"decoder_{plane}", config.taps, use_bias=planes > 1
        )(joined)
        aligned = delayed(blocks, edge * (planes - 1 - plane), f"decoder_{plane}_delayed")
        if edge:
            aligned = SkipStart(edge * planes, name=f"decoder_{plane}_skip_start")(aligned)
        outputs.append(BlocksToSamples(name=f"stage_{plane}")(aligned))
    return outputs
