"""ConvTasNet as a flat functional Keras graph over ``[B, 1, T, C]``.

With ``input_planes`` and ``output_planes`` of 1 it is the float network; more planes add the FQSS
input splitter and output combiner.
"""

from collections.abc import Sequence

import tensorflow as tf
import tf_keras as keras

from fqss_tf.layers.context import Lookahead
from fqss_tf.layers.norm import GlobalLayerNorm
from fqss_tf.layers.planes import Combiner, Splitter
from fqss_tf.layers.rectify import Rectify
from fqss_tf.models import fine_latent
from fqss_tf.models.convtasnet.norms import norm_in_two_passes, pointwise_of_norm
from fqss_tf.models.convtasnet.sizes import ConvTasNetConfig, Norm
from fqss_tf.models.masking import mask_change, mean_estimate
from fqss_tf.models.sharing import decoded_sources
from fqss_tf.models.sizes import Masking, Residual
from fqss_tf.models.waveform import (
    convolution,
    encoder,
    filtered,
    mixture_blocks,
    past,
    prelu,
)
from fqss_tf.types import KerasLayer, KerasModel, Tensor

layers = keras.layers


@tf.autograph.experimental.do_not_convert
def build(
    config: ConvTasNetConfig, *, input_planes: int = 1, output_planes: int = 1,
    residual: Residual = "exact", masking: Masking = "direct", latent_planes: int = 1,
    for_export: bool = False,
) -> KerasModel:
    """The network as a Keras model: mixture ``[B, 1, T, 1]`` -> estimates ``[B, S, T, 1]``.

    Arguments as of ``fqss_tf.models.registry.build``.
    """
    mixture = keras.Input((1, None, 1), name="mixture")
    planes = Splitter(input_planes, name="splitter")(mixture)
    if config.causal and config.algorithmic_delay:
        planes = Lookahead(config.algorithmic_delay, name="lookahead")(planes)
    blocks = mixture_blocks(planes, config, input_planes, config.causal)
    encoded = encoder(blocks, config)
    parts = fine_latent.encoding_parts(encoded, blocks, config) if latent_planes > 1 else None
    if parts and config.features == "rectified" and config.norm == "batch":
        trunk = fine_latent.rectified_bottleneck(parts, config.bottleneck)
    else:
        features = encoded
        if config.features == "rectified":
            features = Rectify(name="features")(encoded)
        trunk = _bottleneck(blocks, features, config, for_export)
    skip_sum = _temporal_convolution_network(trunk, config, for_export)
    masks = _masks(skip_sum, config, for_export)
    beside: list[Tensor] = []
    if masking == "centered":
        masks = mask_change(masks)
        beside = mean_estimate(blocks, config, config.causal)
    if parts:
        masked, fine = fine_latent.latent_parts(masks, encoded, parts)
        beside += fine_latent.fine_estimate(fine, config, config.causal)
    else:
        masked = layers.Multiply(name="masked")([masks, encoded])
    outputs = decoded_sources(
        masked, planes, config, input_planes, output_planes, residual, config.causal, beside
    )
    estimates = Combiner(name="combiner")(outputs)
    return keras.Model(mixture, estimates, name="convtasnet")


def _norm(
    inputs: Tensor, config: ConvTasNetConfig, name: str, kind: Norm, for_export: bool
) -> Tensor:
    if config.norm != kind or (for_export and kind == "batch"):
        return inputs
    if kind == "global":
        return GlobalLayerNorm(name=name)(inputs)
    # On several devices a batch is all of theirs, whose statistics slower kernels gather.
    several = tf.distribute.get_strategy().num_replicas_in_sync > 1
    return layers.BatchNormalization(
        epsilon=1e-5, momentum=0.95, synchronized=several, name=name
    )(inputs)


def _active(inputs: Tensor, name: str, config: ConvTasNetConfig, for_export: bool) -> Tensor:
    if config.activation == "relu":
        return layers.ReLU(name=f"{name}_relu")(inputs)
    return prelu(inputs, f"{name}_prelu", for_export)


def _activated_convolution(
    convolution: KerasLayer, inputs: Tensor, config: ConvTasNetConfig, for_export: bool
) -> Tensor:
    """Convolution, batch norm and activation; the latter two are named after the first."""
    name = convolution.name
    if config.activation == "relu" and (config.norm != "batch" or for_export):
        convolution.activation = keras.activations.relu
        return convolution(inputs)
    normed = _norm(convolution(inputs), config, f"{name}_norm", "batch", for_export)
    return _active(normed, name, config, for_export)


def _temporal_convolution_network(
    trunk: Tensor, config: ConvTasNetConfig, for_export: bool
) -> Tensor:
    skip_sum = None
    for index in range(len(config.dilations)):
        name = f"block_{index}"
        skip, *residual = _block(trunk, index, config, for_export)
        skip_sum = (
            skip if skip_sum is None else layers.Add(name=f"{name}_skip_sum")([skip_sum, skip])
        )
        if residual:
            trunk = layers.Add(name=f"{name}_residual_sum")([trunk, *residual])
    return skip_sum


def _bottleneck(
    blocks: Sequence[Tensor], features: Tensor, config: ConvTasNetConfig, for_export: bool
) -> Tensor:
    in_parts = config.norm == "global" and for_export
    if config.bottleneck_hears_samples and for_export:
        narrow = filtered(blocks, config, config.bottleneck, "bottleneck")
    else:
        normed = features
        if not in_parts:
            normed = _norm(features, config, "bottleneck_norm", config.norm, for_export)
        narrow = convolution(config.bottleneck, "bottleneck")(normed)
    if in_parts:
        return pointwise_of_norm({"bottleneck": narrow}, features, "bottleneck_norm")[0]
    return narrow


def _block(trunk: Tensor, index: int, config: ConvTasNetConfig, for_export: bool) -> list[Tensor]:
    """Outputs ``[skip, residual]`` of a block; the last one has no residual."""
    name = f"block_{index}"
    in_norm, norm = f"{name}_in_norm", f"{name}_depthwise_norm"
    in_parts = config.norm == "global" and for_export
    widen = layers.Conv2D(config.hidden, 1, name=f"{name}_in")
    depthwise = layers.DepthwiseConv2D(
        (1, config.block_kernel), dilation_rate=(1, config.dilations[index]),
        padding="valid" if config.causal else "same", name=f"{name}_depthwise",
    )
    narrow = [convolution(config.skip, f"{name}_skip")]
    if index + 1 < len(config.dilations):
        narrow.append(convolution(config.bottleneck, f"{name}_residual"))
    hidden = _activated_convolution(widen, trunk, config, for_export)
    if config.causal:
        seen = (config.block_kernel - 1) * config.dilations[index]
        hidden = past(hidden, seen, f"{depthwise.name}_past")
    if in_parts:
        hidden = norm_in_two_passes(hidden, in_norm)
    else:
        hidden = _norm(hidden, config, in_norm, "global", for_export)
    hidden = _activated_convolution(depthwise, hidden, config, for_export)
    if in_parts:
        narrowed = {narrowing.name: narrowing(hidden) for narrowing in narrow}
        return pointwise_of_norm(narrowed, hidden, norm)
    hidden = _norm(hidden, config, norm, "global", for_export)
    return [narrowing(hidden) for narrowing in narrow]


def _masks(skip_sum: Tensor, config: ConvTasNetConfig, for_export: bool) -> Tensor:
    """``[B, S, M, N]``: the sources lie along the unused second axis, so nothing is transposed."""
    active = _active(skip_sum, "mask", config, for_export)
    each = []
    for source in range(config.latents):
        fused = "relu" if config.mask_activation == "relu" else None
        mask = convolution(config.filters, f"mask_{source}", activation=fused)(active)
        if config.mask_activation == "sigmoid":
            mask = layers.Activation("sigmoid", name=f"mask_{source}_sigmoid")(mask)
        each.append(mask)
    return layers.Concatenate(axis=1, name="masks")(each) if len(each) > 1 else each[0]
