"""ConvTasNet (Luo and Mesgarani 2019) as asteroid publishes it and FQSS quantises it.

A flat functional Keras graph over ``[B, 1, T, C]``. With ``input_stages`` and ``output_stages`` of
1 it is the float network; more stages add the FQSS input splitter and output combiner.
"""

import tensorflow as tf
import tf_keras as keras

from fqss_tf.layers.context import Lookahead
from fqss_tf.layers.norm import GlobalLayerNorm
from fqss_tf.layers.stages import Combiner, Splitter
from fqss_tf.models.normed_convolutions import norm_in_two_passes, pointwise_of_norm
from fqss_tf.models.sizes import ConvTasNetConfig
from fqss_tf.models.waveform import (
    causal_decoder,
    convolution,
    decoder,
    encoder,
    past,
    prelu,
)

__all__ = ["ConvTasNetConfig", "build"]

layers = keras.layers


@tf.autograph.experimental.do_not_convert
def build(config, *, input_stages=1, output_stages=1, slopes=None):
    """The network as a Keras model: mixture ``[B, 1, T, 1]`` -> estimates ``[B, S, T, 1]``.

    The mixture is at the model's level (peak 1). T is a multiple of ``config.hop``.

    Args:
        config: a ConvTasNetConfig.
        input_stages: planes of the input splitter, 1 for none (method, section III).
        output_stages: outputs of the residual-error block and combiner, 1 for none.
        slopes: PReLU slopes by layer name, for the deployable form: the slopes are constant
            (LeakyReLU), and what convolutions can take over of the norms is left out.

    The tensors that cross the border of a ``.tflite`` are the output of the layer ``splitter`` and
    the outputs of the layers ``stage_0``, ``stage_1``...
    """
    mixture = keras.Input((1, None, 1), name="mixture")
    planes = Splitter(input_stages, name="splitter")(mixture)
    if config.causal and config.lag(output_stages):
        planes = Lookahead(config.lag(output_stages), name="lookahead")(planes)
    encoded = encoder(planes, config, input_stages, config.causal)
    skip_sum = _temporal_convolution_network(encoded, config, slopes)
    masks = _masks(skip_sum, config, slopes)
    masked = layers.Multiply(name="masked")([masks, encoded])
    stages = (causal_decoder if config.causal else decoder)(masked, config, output_stages)
    estimates = Combiner(name="combiner")(stages)
    return keras.Model(mixture, estimates, name="convtasnet")


def _norm(inputs, config, name, kind, slopes):
    deployable = slopes is not None
    if config.norm != kind or (deployable and kind == "batch"):
        return inputs
    if kind == "global":
        return GlobalLayerNorm(name=name)(inputs)
    # On several devices a batch is all of theirs, whose statistics slower kernels gather.
    several = tf.distribute.get_strategy().num_replicas_in_sync > 1
    return layers.BatchNormalization(
        epsilon=1e-5, momentum=0.95, synchronized=several, name=name
    )(inputs)


def _active(inputs, name, config, slopes):
    if config.activation == "relu":
        return layers.ReLU(name=f"{name}_relu")(inputs)
    return prelu(inputs, f"{name}_prelu", slopes)


def _activated_convolution(convolution, inputs, config, slopes):
    """Convolution, batch norm and activation; the latter two are named after the first."""
    name = convolution.name
    if config.activation == "relu" and (config.norm != "batch" or slopes is not None):
        convolution.activation = keras.activations.relu
        return convolution(inputs)
    normed = _norm(convolution(inputs), config, f"{name}_norm", "batch", slopes)
    return _active(normed, name, config, slopes)


def _temporal_convolution_network(encoded, config, slopes):
    trunk = _bottleneck(encoded, config, slopes)
    skip_sum = None
    for index in range(len(config.dilations)):
        name = f"block_{index}"
        skip, *residual = _block(trunk, index, config, slopes)
        skip_sum = (
            skip if skip_sum is None else layers.Add(name=f"{name}_skip_sum")([skip_sum, skip])
        )
        if residual:
            trunk = layers.Add(name=f"{name}_residual_sum")([trunk, *residual])
    return skip_sum


def _bottleneck(encoded, config, slopes):
    if config.norm == "global" and slopes is not None:
        narrow = convolution(config.bottleneck, "bottleneck", use_bias=False)
        return pointwise_of_norm([narrow], encoded, "bottleneck_norm")[0]
    normed = _norm(encoded, config, "bottleneck_norm", config.norm, slopes)
    return convolution(config.bottleneck, "bottleneck")(normed)


def _block(trunk, index, config, slopes):
    """Outputs ``[skip, residual]`` of a block; the last one has no residual."""
    name = f"block_{index}"
    in_norm, norm = f"{name}_in_norm", f"{name}_depthwise_norm"
    in_parts = config.norm == "global" and slopes is not None
    widen = layers.Conv2D(config.hidden, 1, name=f"{name}_in")
    depthwise = layers.DepthwiseConv2D(
        (1, config.block_kernel), dilation_rate=(1, config.dilations[index]),
        padding="valid" if config.causal else "same", name=f"{name}_depthwise",
    )
    narrow = [convolution(config.skip, f"{name}_skip", use_bias=not in_parts)]
    if index + 1 < len(config.dilations):
        narrow.append(convolution(config.bottleneck, f"{name}_residual", use_bias=not in_parts))
    hidden = _activated_convolution(widen, trunk, config, slopes)
    if config.causal:
        seen = (config.block_kernel - 1) * config.dilations[index]
        hidden = past(hidden, seen, f"{depthwise.name}_past")
    if in_parts:
        hidden = norm_in_two_passes(hidden, in_norm)
    else:
        hidden = _norm(hidden, config, in_norm, "global", slopes)
    hidden = _activated_convolution(depthwise, hidden, config, slopes)
    if in_parts:
        return pointwise_of_norm(narrow, hidden, norm)
    hidden = _norm(hidden, config, norm, "global", slopes)
    return [narrowing(hidden) for narrowing in narrow]


def _masks(skip_sum, config, slopes):
    """``[B, S, M, N]``: the sources lie along the unused second axis, so nothing is transposed."""
    active = _active(skip_sum, "mask", config, slopes)
    each = []
    for source in range(config.sources):
        fused = "relu" if config.mask_activation == "relu" else None
        mask = convolution(config.filters, f"mask_{source}", activation=fused)(active)
        if config.mask_activation == "sigmoid":
            mask = layers.Activation("sigmoid", name=f"mask_{source}_sigmoid")(mask)
        each.append(mask)
    return layers.Concatenate(axis=1, name="masks")(each) if len(each) > 1 else each[0]
