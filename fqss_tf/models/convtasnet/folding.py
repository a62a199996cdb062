"""Norms of a trained ConvTasNet in the weights of its convolutions, for the exported form."""

import numpy as np

from fqss_tf.models.convtasnet.sizes import ConvTasNetConfig
from fqss_tf.types import FloatArray, KerasModel, LayerWeights


def folded(weights: LayerWeights, model: KerasModel, config: ConvTasNetConfig) -> LayerWeights:
    """Returns the weights of a float network, by layer, for the form that is exported.

    Batch norms go into the convolution before them, the bottleneck's norm into the one behind it,
    the global norms of the blocks into ``fqss_tf.models.convtasnet.norms``. Behind a linear encoder
    the bottleneck becomes a filter of the samples.
    """
    weights = dict(weights)
    for norm in [name for name in weights if name.endswith("_norm")]:
        target = norm.removesuffix("_norm")
        if config.norm == "batch":
            gamma, beta, mean, variance = weights.pop(norm)
            gain = gamma / np.sqrt(variance + model.get_layer(norm).epsilon)
            offset = beta - mean * gain
        else:
            gain, offset = weights.pop(norm)
        if config.norm == "batch" and target == "bottleneck":
            weights[target] = _scaled_input(weights[target], gain, offset)
        elif config.norm == "batch":
            weights[target] = _scaled_output(weights[target], gain, offset, target)
        elif target.endswith("_in"):
            weights[f"{norm}_gain"] = [gain[None, None, None]]
            weights[f"{norm}_shift"] = [-gain[None, None, None], offset]
        else:
            block = target.removesuffix("_depthwise")
            for follower in (target, f"{block}_skip", f"{block}_residual"):
                # The bottleneck follows its norm itself; the last block has no residual.
                if follower in weights and not follower.endswith("_depthwise"):
                    kernel, bias = _scaled_input(weights[follower], gain, offset)
                    weights[follower] = [kernel, np.zeros_like(bias)]
                    weights[f"{follower}_gain"] = [np.ones((1, 1, 1, len(bias)))]
                    weights[f"{follower}_offset"] = [-kernel.sum(axis=2, keepdims=True), bias]
    if config.bottleneck_hears_samples:
        kernel, bias = weights.pop("bottleneck")
        (encoder,) = weights["encoder_0"]
        weights["bottleneck_0"] = [encoder @ kernel[0, 0], bias]
    return weights


def _scaled_input(
    weights: list[FloatArray], gain: FloatArray, offset: FloatArray
) -> list[FloatArray]:
    kernel, bias = weights
    return [kernel * gain[:, None], bias + offset @ kernel[0, 0]]


def _scaled_output(
    weights: list[FloatArray], gain: FloatArray, offset: FloatArray, name: str
) -> list[FloatArray]:
    kernel, bias = weights
    channels_last = gain[:, None] if name.endswith("depthwise") else gain
    return [kernel * channels_last, bias * gain + offset]
