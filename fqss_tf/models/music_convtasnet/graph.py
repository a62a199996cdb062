"""The ConvTasNet for music as a flat functional Keras graph over ``[B, 1, T, C]``."""

import tensorflow as tf
import tf_keras as keras

from fqss_tf.layers.norm import ChannelLayerNorm, GlobalLayerNorm
from fqss_tf.layers.planes import Combiner, Splitter
from fqss_tf.models.music_convtasnet.sizes import MusicConvTasNetConfig
from fqss_tf.models.sizes import Residual
from fqss_tf.models.waveform import convolution, decoder, encoder, mixture_blocks, prelu
from fqss_tf.types import KerasModel, Tensor

layers = keras.layers


@tf.autograph.experimental.do_not_convert
def build(
    config: MusicConvTasNetConfig, *, input_planes: int = 1, output_planes: int = 1,
    residual: Residual = "exact", for_export: bool = False,
) -> KerasModel:
    """The network as a Keras model: mixture ``[B, 1, T, 2]`` -> estimates ``[B, S, T, 2]``.

    T is a multiple of ``config.hop``. Arguments as of ``fqss_tf.models.registry.build``.
    """
    mixture = keras.Input((1, None, config.audio_channels), name="mixture")
    planes = Splitter(input_planes, name="splitter")(mixture)
    encoded = encoder(mixture_blocks(planes, config, input_planes), config)
    encoded = layers.ReLU(name="encoded")(encoded)
    normed = ChannelLayerNorm(unit_length=for_export, name="bottleneck_norm")(encoded)
    trunk = convolution(config.bottleneck, "bottleneck", use_bias=False)(normed)
    for index, dilation in enumerate(config.dilations):
        trunk = _block(trunk, f"block_{index}", dilation, config, for_export)
    masked = layers.Multiply(name="masked")([_masks(trunk, config), encoded])
    outputs = decoder(masked, config, output_planes, residual)
    estimates = Combiner(name="combiner")(outputs)
    return keras.Model(mixture, estimates, name="music_convtasnet")


def _block(
    trunk: Tensor, name: str, dilation: int, config: MusicConvTasNetConfig, for_export: bool
) -> Tensor:
    wide = convolution(config.hidden, f"{name}_in", use_bias=False)(trunk)
    wide = prelu(wide, f"{name}_in_prelu", for_export)
    wide = GlobalLayerNorm(name=f"{name}_in_norm")(wide)
    wide = layers.DepthwiseConv2D(
        (1, config.block_kernel), dilation_rate=(1, dilation), padding="same", use_bias=False,
        name=f"{name}_depthwise",
    )(wide)
    wide = prelu(wide, f"{name}_depthwise_prelu", for_export)
    wide = GlobalLayerNorm(name=f"{name}_depthwise_norm")(wide)
    narrow = convolution(config.bottleneck, f"{name}_residual", use_bias=False)(wide)
    return layers.Add(name=f"{name}_residual_sum")([trunk, narrow])


def _masks(trunk: Tensor, config: MusicConvTasNetConfig) -> Tensor:
    """``[B, S, M, N]``: the sources lie along the unused second axis, so nothing is transposed."""
    each = [
        convolution(config.filters, f"mask_{source}", use_bias=False, activation="relu")(trunk)
        for source in range(config.sources)
    ]
    return layers.Concatenate(axis=1, name="masks")(each) if len(each) > 1 else each[0]
