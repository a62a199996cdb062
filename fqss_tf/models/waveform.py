"""What all networks have: encoder, decoder, and the published ones' PReLU."""

import tensorflow as tf
import tf_keras as keras

from fqss_tf.layers.context import Delay, PastContext, SkipStart
from fqss_tf.layers.framing import BlocksToSamples, SamplesToBlocks
from fqss_tf.layers.prelu import FixedSlopePReLU, ScalarPReLU
from fqss_tf.layers.stages import TakePlane

layers = keras.layers
# TensorFlow 2.16's remapper fuses convolution and LeakyReLU into an op that is wrong for a batch
# of 1 behind a dilated convolution (docs/measured.md).
tf.config.optimizer.set_experimental_options({"remapping": False})


def convolution(width, name, kernel=1, **options):
    """A convolution along T of ``[B, H, T, C]``."""
    return layers.Conv2D(width, (1, kernel), name=name, **options)


def waveform_convolution(width, name, kernel, **options):
    """One from or to samples, whose 16 bits are more than bfloat16 holds."""
    return convolution(width, name, kernel, dtype=keras.backend.floatx(), **options)


def prelu(inputs, name, slopes):
    """PReLU of one trained slope, or of the constant ``slopes[name]`` where slopes are given."""
    if slopes is None:
        return ScalarPReLU(name=name)(inputs)
    return FixedSlopePReLU(slopes[name], name=name)(inputs)


def past(inputs, frames, name):
    """``inputs`` behind their past ``frames``; as they are where there are none."""
    return PastContext(frames, name=name)(inputs) if frames else inputs


def delayed(inputs, frames, name):
    """``inputs``, ``frames`` later; as they are for none."""
    return Delay(frames, name=name)(inputs) if frames else inputs


def encoder(planes, config, stages, causal=False):
    """Planes ``[B, 1, T, stages]`` -> ``[B, 1, M, filters]``.

    One convolution a plane: weights of 1 and of 1/256 fit no common 8-bit scale. ``causal``: a
    frame ends with its block instead of beginning with it, so there are as many frames as blocks.
    """
    encoded = None
    for stage in range(stages):
        plane = TakePlane(stage, name=f"plane_{stage}")(planes) if stages > 1 else planes
        blocks = SamplesToBlocks(config.hop, name=f"blocks_{stage}")(plane)
        if causal:
            blocks = past(blocks, config.taps - 1, f"encoder_{stage}_past")
        part = waveform_convolution(
            config.filters, f"encoder_{stage}", config.taps, use_bias=stage > 0
        )(blocks)
        encoded = (
            part if encoded is None else layers.Add(name=f"encoder_sum_{stage}")([encoded, part])
        )
    return encoded


def decoder(masked, config, stages, frame_residual=False):
    """Masked ``[B, S, M, filters]`` -> a list of ``stages`` waveforms ``[B, S, T, 1]``.

    Each further stage decodes what the 8-bit stage before it lost, found in the latent domain.
    ``latent_k = latent_(k-1) - E_k(y_(k-1))``, ``y_k = D_k(latent_k)`` (method, section 3). D_k is
    its own copy of the decoder, 256 times as large as the one before: a stage then fills the 8 bits
    below the stage before it. Biases turn rounding into the splitter's flooring.

    ``frame_residual``: E_k sees the decoder's frames before they are overlapped and added, as FQSS
    has it for DPTNet. What the sum loses by rounding it then cannot see.
    """
    edge = config.taps - 1
    latent, outputs, blocks = masked, [], None
    for stage in range(stages):
        if stage > 0:
            decoded, kernel = blocks, config.taps
            if frame_residual:
                frames = convolution(config.kernel, f"frames_{stage}", use_bias=False)
                decoded, kernel = frames(latent), 1
            seen = convolution(
                config.filters, f"residual_encoder_{stage}", kernel, use_bias=False
            )(decoded)
            latent = layers.Subtract(name=f"latent_{stage}")([latent, seen])
        padded = layers.ZeroPadding2D(((0, 0), (edge, edge)), name=f"overlap_{stage}")(latent)
        blocks = waveform_convolution(
            config.hop, f"decoder_{stage}", config.taps, use_bias=stages > 1
        )(padded)
        outputs.append(BlocksToSamples(name=f"stage_{stage}")(blocks))
    return outputs


def causal_decoder(masked, config, stages):
    """The same for frames of ``encoder`` with ``causal``; nothing looks ahead.

    Where ``decoder`` waits for frames to come, stage k lags ``taps - 1`` blocks behind stage k - 1
    here, whose results are delayed until both are there. The outputs begin with what came out
    before the first sample, which is skipped in the end.
    """
    edge = config.taps - 1
    latent, outputs, blocks = masked, [], None
    for stage in range(stages):
        if stage > 0:
            seen = convolution(
                config.filters, f"residual_encoder_{stage}", config.taps, use_bias=False
            )(past(blocks, edge, f"residual_encoder_{stage}_past"))
            latent = delayed(latent, edge, f"latent_{stage}_delayed")
            latent = layers.Subtract(name=f"latent_{stage}")([latent, seen])
        joined = past(latent, edge, f"decoder_{stage}_past")
        blocks = waveform_convolution(
            config.hop, f"decoder_{stage}", config.taps, use_bias=stages > 1
        )(joined)
        aligned = delayed(blocks, edge * (stages - 1 - stage), f"decoder_{stage}_delayed")
        if edge:
            aligned = SkipStart(edge * stages, name=f"decoder_{stage}_skip_start")(aligned)
        outputs.append(BlocksToSamples(name=f"stage_{stage}")(aligned))
    return outputs
