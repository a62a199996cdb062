"""ConvTasNet (Luo and Mesgarani 2019) as asteroid publishes it and FQSS quantises it.

A flat functional Keras graph over ``[B, 1, T, C]``. With ``input_stages`` and ``output_stages`` of
1 it is the float network; more stages add the FQSS input splitter and output combiner.
"""

import tensorflow as tf
import tf_keras as keras

from fqss_tf.layers.framing import BlocksToSamples, SamplesToBlocks
from fqss_tf.layers.norm import GlobalLayerNorm
from fqss_tf.layers.prelu import ScalarPReLU
from fqss_tf.layers.stages import Combiner, Splitter, TakePlane
from fqss_tf.models.sizes import ConvTasNetConfig

__all__ = ["ConvTasNetConfig", "build"]

layers = keras.layers
# TensorFlow 2.16's remapper fuses convolution and LeakyReLU into an op that is wrong for a batch
# of 1 behind a dilated convolution (docs/measured.md).
tf.config.optimizer.set_experimental_options({"remapping": False})


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
    encoded = _encoder(planes, config, input_stages)
    skip_sum = _temporal_convolution_network(encoded, config, slopes)
    masks = _masks(skip_sum, config, slopes)
    masked = layers.Multiply(name="masked")([masks, encoded])
    stages = _decoder(masked, config, output_stages)
    estimates = Combiner(name="combiner")(stages)
    return keras.Model(mixture, estimates, name="convtasnet")


def _convolution(width, name, kernel=1, **options):
    return layers.Conv2D(width, (1, kernel), name=name, **options)


def _encoder(planes, config, stages):
    """One convolution a plane: weights of 1 and of 1/256 fit no common 8-bit scale."""
    encoded = None
    for stage in range(stages):
        plane = TakePlane(stage, name=f"plane_{stage}")(planes) if stages > 1 else planes
        blocks = SamplesToBlocks(config.hop, name=f"blocks_{stage}")(plane)
        part = _convolution(
            config.filters, f"encoder_{stage}", config.taps, use_bias=stage > 0
        )(blocks)
        encoded = (
            part if encoded is None else layers.Add(name=f"encoder_sum_{stage}")([encoded, part])
        )
    return encoded


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


def _prelu(inputs, name, slopes):
    if slopes is None:
        return ScalarPReLU(name=name)(inputs)
    return layers.LeakyReLU(slopes[name], name=name)(inputs)


def _activated_convolution(convolution, inputs, config, slopes):
    """Convolution, norm and activation; the names of the latter two derive from the first's."""
    name = convolution.name
    if config.activation == "relu" and (config.norm != "batch" or slopes is not None):
        convolution.activation = keras.activations.relu
        return _norm(convolution(inputs), config, f"{name}_norm", "global", slopes)
    normed = _norm(convolution(inputs), config, f"{name}_norm", "batch", slopes)
    if config.activation == "relu":
        return layers.ReLU(name=f"{name}_relu")(normed)
    active = _prelu(normed, f"{name}_prelu", slopes)
    return _norm(active, config, f"{name}_norm", "global", slopes)


def _temporal_convolution_network(encoded, config, slopes):
    normed = _norm(encoded, config, "bottleneck_norm", "global", slopes)
    normed = _norm(normed, config, "bottleneck_norm", "batch", slopes)
    trunk = _convolution(config.bottleneck, "bottleneck")(normed)
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
        skip = _convolution(config.skip, f"{name}_skip")(hidden)
        skip_sum = (
            skip if skip_sum is None else layers.Add(name=f"{name}_skip_sum")([skip_sum, skip])
        )
        if index < last:
            residual = _convolution(config.bottleneck, f"{name}_residual")(hidden)
            trunk = layers.Add(name=f"{name}_residual_sum")([trunk, residual])
    return skip_sum


def _masks(skip_sum, config, slopes):
    """``[B, S, M, N]``: the sources lie along the unused second axis, so nothing is transposed."""
    if config.activation == "relu":
        active = layers.ReLU(name="mask_relu")(skip_sum)
    else:
        active = _prelu(skip_sum, "mask_prelu", slopes)
    each = []
    for source in range(config.sources):
        fused = "relu" if config.mask_activation == "relu" else None
        mask = _convolution(config.filters, f"mask_{source}", activation=fused)(active)
        if config.mask_activation == "sigmoid":
            mask = layers.Activation("sigmoid", name=f"mask_{source}_sigmoid")(mask)
        each.append(mask)
    return layers.Concatenate(axis=1, name="masks")(each)


def _decoder(masked, config, stages):
    """Each further stage decodes what the 8-bit stage before it lost, found in the latent domain.

    ``latent_k = latent_(k-1) - E_k(y_(k-1))``, ``y_k = D_k(latent_k)`` (method, section 3). D_k is
    its own copy of the decoder, 256 times as large as the one before: a stage then fills the 8 bits
    below the stage before it. Biases turn rounding into the splitter's flooring.
    """
    edge = config.taps - 1
    latent, outputs, blocks = masked, [], None
    for stage in range(stages):
        if stage > 0:
            seen = _convolution(
                config.filters, f"residual_encoder_{stage}", config.taps, use_bias=False
            )(blocks)
            latent = layers.Subtract(name=f"latent_{stage}")([latent, seen])
        padded = layers.ZeroPadding2D(((0, 0), (edge, edge)), name=f"overlap_{stage}")(latent)
        blocks = _convolution(
            config.hop, f"decoder_{stage}", config.taps, use_bias=stages > 1
        )(padded)
        outputs.append(BlocksToSamples(name=f"stage_{stage}")(blocks))
    return outputs
