"""ConvTasNet (Luo and Mesgarani 2019) as asteroid publishes it and FQSS quantises it.

A flat functional Keras graph over ``[B, 1, T, C]``. With ``input_stages`` and ``output_stages`` of
1 it is the float network; more stages add the FQSS input splitter and output combiner.
"""

import tensorflow as tf
import tf_keras as keras

from fqss_tf.layers.norm import GlobalLayerNorm
from fqss_tf.layers.stages import Combiner, Splitter
from fqss_tf.models.sizes import ConvTasNetConfig
from fqss_tf.models.waveform import convolution, decoder, encoder, prelu

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
    encoded = encoder(planes, config, input_stages)
    skip_sum = _temporal_convolution_network(encoded, config, slopes)
    masks = _masks(skip_sum, config, slopes)
    masked = layers.Multiply(name="masked")([masks, encoded])
    stages = decoder(masked, config, output_stages)
    estimates = Combiner(name="combiner")(stages)
    return keras.Model(mixture, estimates, name="convtasnet")


def _norm(inputs, config, name, kind, slopes):
    deployable = slopes is not None
    if config.norm != kind or (deployable and kind == "batch"):
        return inputs
    if kind == "global":
        # A depthwise convolution pads with zeros behind the bias: it cannot take it over.
        affine = not deployable or name.endswith("_in_norm")
        return GlobalLayerNorm(affine, name=name)(inputs)
    # On several devices a batch is all of theirs, whose statistics slower kernels gather.
    several = tf.distribute.get_strategy().num_replicas_in_sync > 1
    return layers.BatchNormalization(
        epsilon=1e-5, momentum=0.95, synchronized=several, name=name
    )(inputs)


def _activated_convolution(convolution, inputs, config, slopes):
    """Convolution, norm and activation; the names of the latter two derive from the first's."""
    name = convolution.name
    if config.activation == "relu" and (config.norm != "batch" or slopes is not None):
        convolution.activation = keras.activations.relu
        return _norm(convolution(inputs), config, f"{name}_norm", "global", slopes)
    normed = _norm(convolution(inputs), config, f"{name}_norm", "batch", slopes)
    if config.activation == "relu":
        return layers.ReLU(name=f"{name}_relu")(normed)
    active = prelu(normed, f"{name}_prelu", slopes)
    return _norm(active, config, f"{name}_norm", "global", slopes)


def _temporal_convolution_network(encoded, config, slopes):
    normed = _norm(encoded, config, "bottleneck_norm", "global", slopes)
    normed = _norm(normed, config, "bottleneck_norm", "batch", slopes)
    trunk = convolution(config.bottleneck, "bottleneck")(normed)
    skip_sum = None
    last = len(config.dilations) - 1
    for index, dilation in enumerate(config.dilations):
        name = f"block_{index}"
        widen = layers.Conv2D(config.hidden, 1, name=f"{name}_in")
        depthwise = layers.DepthwiseConv2D(
            (1, config.block_kernel), dilation_rate=(1, dilation), padding="same",
            name=f"{name}_depthwise",
        )
        hidden = _activated_convolution(widen, trunk, config, slopes)
        hidden = _activated_convolution(depthwise, hidden, config, slopes)
        skip = convolution(config.skip, f"{name}_skip")(hidden)
        skip_sum = (
            skip if skip_sum is None else layers.Add(name=f"{name}_skip_sum")([skip_sum, skip])
        )
        if index < last:
            residual = convolution(config.bottleneck, f"{name}_residual")(hidden)
            trunk = layers.Add(name=f"{name}_residual_sum")([trunk, residual])
    return skip_sum


def _masks(skip_sum, config, slopes):
    """``[B, S, M, N]``: the sources lie along the unused second axis, so nothing is transposed."""
    if config.activation == "relu":
        active = layers.ReLU(name="mask_relu")(skip_sum)
    else:
        active = prelu(skip_sum, "mask_prelu", slopes)
    each = []
    for source in range(config.sources):
        fused = "relu" if config.mask_activation == "relu" else None
        mask = convolution(config.filters, f"mask_{source}", activation=fused)(active)
        if config.mask_activation == "sigmoid":
            mask = layers.Activation("sigmoid", name=f"mask_{source}_sigmoid")(mask)
        each.append(mask)
    return layers.Concatenate(axis=1, name="masks")(each)
