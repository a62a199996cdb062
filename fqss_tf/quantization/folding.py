"""Weights of a trained float network for the graph that is quantized: same function, new form."""

from typing import Any

import numpy as np

from fqss_tf.errors import FqssError
from fqss_tf.layers.attention import DotProductAttention, query_factor
from fqss_tf.layers.norm import ChannelLayerNorm
from fqss_tf.layers.prelu import ScalarPReLU
from fqss_tf.models.registry import build
from fqss_tf.models.sizes import ConvTasNetConfig
from fqss_tf.types import FloatArray, KerasModel


def folded_weights(model: KerasModel, config: Any) -> dict[str, list[FloatArray]]:
    """Layer name -> weights of a float network for the form that is exported.

    In attention, the factor of the scores goes into the query's projection, and layer norms over
    channels take gains for frames of length 1. In ConvTasNet, batch
    norms go into the convolution before them, the bottleneck's norm into the one behind it, the
    global norms of the blocks into ``fqss_tf.models.normed_convolutions``. Exact up to rounding of
    float32.

    Args:
        model: the float network.
        config: its sizes.
    """
    weights = {
        layer.name: layer.get_weights()
        for layer in model.layers
        if layer.weights and not layer.name.endswith("_prelu")
    }
    for layer in model.layers:
        if isinstance(layer, DotProductAttention):
            query = f"{layer.name.removesuffix('_attention')}_query"
            factor = query_factor(config.width, config.heads)
            weights[query] = [values * factor for values in weights[query]]
        if isinstance(layer, ChannelLayerNorm):
            gamma, beta = weights[layer.name]
            weights[layer.name] = [gamma * len(gamma) ** 0.5, beta]
    if not isinstance(config, ConvTasNetConfig):
        return weights
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
                    weights[follower] = [kernel]
                    weights[f"{follower}_offset"] = [-kernel.sum(axis=2, keepdims=True), bias]
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


def fold_for_export(model: KerasModel, config: Any) -> KerasModel:
    """The float model with constant PReLU slopes and folded norms: what export converts."""
    return add_planes(model, config, input_planes=1, output_planes=1)


def add_planes(
    model: KerasModel, config: Any, *, input_planes: int, output_planes: int
) -> KerasModel:
    """The float model with input splitter and output combiner, computing the same function.

    The encoder of plane k starts as W / 256^k with the bias of its flooring, decoder k as 256^k D,
    and the residual encoder as the right inverse of D, so that before any quantization the further
    planes carry exactly what the first ones leave out (method, section 7).
    """
    network = build(
        config, input_planes=input_planes, output_planes=output_planes,
        for_export=True,
    )
    for layer in model.layers:
        if isinstance(layer, ScalarPReLU):
            network.get_layer(layer.name).slope = float(layer.slope)
    weights = folded_weights(model, config)
    (encoder,), (decoder, *_) = weights["encoder_0"], weights["decoder_0"]
    for plane in range(1, input_planes):
        part = encoder / 256**plane
        weights[f"encoder_{plane}"] = [part, part.sum(axis=(0, 1, 2))]
    check_output_planes(config, output_planes)
    inverse = right_inverse(decoder) if output_planes > 1 else None
    for plane in range(output_planes):
        if output_planes > 1:
            floor = (1 / 256 if plane + 1 < output_planes else 0) + (plane > 0)
            bias = np.full(config.hop, -floor, np.float32)
            weights[f"decoder_{plane}"] = [decoder * 256**plane, bias]
        if plane > 0:
            weights[f"residual_encoder_{plane}"] = [inverse / 256 ** (plane - 1)]
    for name, values in weights.items():
        network.get_layer(name).set_weights(values)
    return network


def check_output_planes(config: Any, output_planes: int) -> None:
    """Raises FqssError if the decoder of these sizes has no right inverse, but needs one."""
    if output_planes > 1 and config.filters < config.kernel:
        raise FqssError(
            f"model.filters {config.filters} is below model.kernel {config.kernel}: a second "
            "output plane needs at least as many filters"
        )
    if output_planes > 1 and getattr(config, "residual", "samples") != "samples":
        raise FqssError(
            f"model.residual {config.residual} is for comparing with FQSS: train with samples"
        )


def right_inverse(decoder: FloatArray) -> FloatArray:
    """Kernel E ``[1, taps, hop, N]`` with decode(E(y)) = y for decoder ``[1, taps, N, hop]``.

    Not so for the first and last blocks, which fewer than ``taps`` frames see. N >= taps * hop.
    Frame m of E sees the blocks m..m+taps-1; the decoder puts block i of a frame at its tap
    taps-1-i. Least norm among the kernels that give each block back once: every tap pair (i, i)
    contributes the identity over ``taps``, every other pair nothing.
    """
    _, taps, filters, hop = decoder.shape
    synthesis = decoder[0, ::-1].transpose(0, 2, 1).reshape(taps * hop, filters)
    analysis = np.linalg.pinv(synthesis) / taps
    return analysis.T.reshape(taps, hop, filters)[None].astype(decoder.dtype)
