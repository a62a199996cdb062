"""SepFormer as a flat functional Keras graph."""

import tensorflow as tf
import tf_keras as keras

from fqss_tf.layers.attention import AddPositions
from fqss_tf.layers.chunks import SplitIntoChunks
from fqss_tf.layers.norm import ChannelLayerNorm, GlobalLayerNorm
from fqss_tf.models.attention import attention
from fqss_tf.models.dual_path import (
    across_chunks,
    encoding,
    estimated_sources,
    gated_sources,
    projected_mask,
    split_mixture,
)
from fqss_tf.models.sepformer.sizes import SepFormerConfig
from fqss_tf.models.sizes import Residual
from fqss_tf.models.waveform import convolution
from fqss_tf.types import KerasLayer, KerasModel, Tensor

layers = keras.layers
LAYER_NORM_EPSILON = 1e-6


@tf.autograph.experimental.do_not_convert
def build(
    config: SepFormerConfig, *, input_planes: int = 1, output_planes: int = 1,
    residual: Residual = "exact", for_export: bool = False,
) -> KerasModel:
    """The network as a Keras model: mixture ``[B, 1, T, 1]`` -> estimates ``[B, S, T, 1]``.

    T is a multiple of ``config.hop``. Arguments as of ``fqss_tf.models.registry.build``.
    """
    mixture, planes = split_mixture(input_planes)
    encoded = encoding(planes, config, input_planes)
    encoded = layers.ReLU(name="encoded")(encoded)
    normed = GlobalLayerNorm(name="bottleneck_norm")(encoded)
    trunk = convolution(config.width, "bottleneck", use_bias=False)(normed)
    trunk = SplitIntoChunks(config.chunk, name="segment")(trunk)
    for block in range(config.blocks):
        name = f"block_{block}_intra"
        trunk = _with_residual(trunk, config.intra_layers, config, name, for_export)
        trunk = across_chunks(trunk, f"{name}_permuted")
        name = f"block_{block}_inter"
        trunk = _with_residual(trunk, config.inter_layers, config, name, for_export)
        trunk = across_chunks(trunk, f"{name}_permuted")
    gated = gated_sources(trunk, encoded, config, for_export)
    mask = projected_mask(gated, config.filters, config.mask_activation)
    masked = layers.Multiply(name="masked")([mask, encoded])
    estimates = estimated_sources(
        masked, planes, config, input_planes, output_planes, residual
    )
    return keras.Model(mixture, estimates, name="sepformer")


def _with_residual(
    inputs: Tensor, depth: int, config: SepFormerConfig, name: str, for_export: bool
) -> Tensor:
    outputs = AddPositions(name=f"{name}_positions")(inputs)
    for layer in range(depth):
        outputs = _transformer_layer(outputs, config, f"{name}_{layer}", for_export)
    outputs = _layer_norm(f"{name}_last_norm", for_export)(outputs)
    normed = GlobalLayerNorm(name=f"{name}_norm")(outputs)
    return layers.Add(name=f"{name}_residual_sum")([inputs, normed])


def _transformer_layer(
    inputs: Tensor, config: SepFormerConfig, name: str, for_export: bool
) -> Tensor:
    normed = _layer_norm(f"{name}_attention_norm", for_export)(inputs)
    context = attention(normed, config, name, for_export)
    attended = layers.Add(name=f"{name}_attention_sum")([inputs, context])
    normed = _layer_norm(f"{name}_ffn_norm", for_export)(attended)
    wide = convolution(config.feed_forward, f"{name}_ffn_in", activation="relu")(normed)
    narrow = convolution(config.width, f"{name}_ffn_out")(wide)
    return layers.Add(name=f"{name}_ffn_sum")([attended, narrow])


def _layer_norm(name: str, for_export: bool) -> KerasLayer:
    return ChannelLayerNorm(
        unit_length=for_export, epsilon=LAYER_NORM_EPSILON, name=name
    )
