"""Weights of a trained float network for the graph that is quantized: same function, new form."""

from typing import Any

import numpy as np

from fqss_tf.layers.attention import DotProductAttention, query_factor
from fqss_tf.layers.norm import ChannelLayerNorm
from fqss_tf.layers.prelu import ScalarPReLU
from fqss_tf.layers.remainder import remainder_kernel
from fqss_tf.models.masking import decode_beside
from fqss_tf.models.registry import build, network_of
from fqss_tf.models.sizes import Masking, Residual
from fqss_tf.models.waveform_weights import DECODERS
from fqss_tf.types import FloatArray, KerasModel, LayerWeights


def folded_weights(model: KerasModel, config: Any) -> LayerWeights:
    """Layer name -> weights of a float network for the form that is exported.

    In attention, the factor of the scores goes into the query's projection, and layer norms over
    channels take gains for frames of length 1. The rest is the network's own (``Network.fold``).
    Exact up to rounding of float32.

    Args:
        model: the float network.
        config: its sizes.
    """
    weights = {
        layer.name: layer.get_weights()
        for layer in model.layers
        if layer.weights and not isinstance(layer, ScalarPReLU)
    }
    for layer in model.layers:
        if isinstance(layer, DotProductAttention):
            query = f"{layer.name.removesuffix('_attention')}_query"
            factor = query_factor(config.width, config.heads)
            weights[query] = [values * factor for values in weights[query]]
        if isinstance(layer, ChannelLayerNorm):
            gamma, beta = weights[layer.name]
            weights[layer.name] = [gamma * len(gamma) ** 0.5, beta]
    return network_of(config).fold(weights, model, config)


def fold_for_export(model: KerasModel, config: Any) -> KerasModel:
    """The float model with constant PReLU slopes and folded norms: what export converts."""
    return add_planes(model, config, input_planes=1, output_planes=1)


def add_planes(
    model: KerasModel, config: Any, *, input_planes: int, output_planes: int,
    residual: Residual = "exact", masking: Masking = "direct", latent_planes: int = 1,
) -> KerasModel:
    """The float model with input splitter and output combiner, computing the same function.

    The encoder of plane k starts as W / 256^k with the bias of its flooring, decoder k as 256^k D,
    and a residual encoder as the right inverse of D, so that before any quantization the further
    planes carry exactly what the first ones leave out (method, section 7). The mean of centered
    masks is 0, until ``fqss_tf.quantization.centering`` measures it.

    Args:
        model: the float network.
        config: its sizes.
        input_planes: as of ``fqss_tf.models.registry.build``.
        output_planes: as there.
        residual: as there.
        masking: as there.
        latent_planes: as there.
    """
    config.check_output_planes(output_planes, residual)
    config.check_masking(masking, residual)
    config.check_latent_planes(latent_planes, output_planes, residual)
    network = build(
        config, input_planes=input_planes, output_planes=output_planes, residual=residual,
        masking=masking, latent_planes=latent_planes, for_export=True,
    )
    for layer in model.layers:
        if isinstance(layer, ScalarPReLU):
            network.get_layer(layer.name).slope = float(layer.slope)
    weights = folded_weights(model, config)
    own = network_of(config).plane_weights(weights, config, input_planes, output_planes)
    if own is not None or (input_planes, output_planes) == (1, 1):
        for name, values in (weights if own is None else own).items():
            network.get_layer(name).set_weights(values)
        return network
    decoder, *_ = weights["decoder_0"]
    for plane in range(1, input_planes):
        for filters in network_of(config).filters_of_samples(config):
            part = weights[f"{filters}_0"][0] / 256**plane
            weights[f"{filters}_{plane}"] = [part, part.sum(axis=(0, 1, 2))]
    inverse = right_inverse(decoder) if output_planes > 1 and residual != "exact" else None
    for plane in range(output_planes):
        if output_planes > 1:
            floor = (1 / 256 if plane + 1 < output_planes else 0) + (plane > 0)
            bias = np.full(config.block, -floor, np.float32)
            weights[f"decoder_{plane}"] = [decoder * 256**plane, bias]
        if plane > 0 and inverse is not None:
            weights[f"residual_encoder_{plane}"] = [inverse / 256 ** (plane - 1)]
        elif plane > 0:
            weights[f"decoder_{plane}"] = [remainder_kernel(decoder, config.output_tap), bias]
    has_more = masking == "centered" or latent_planes > 1
    for name, values in weights.items():
        layer = network.get_layer(name)
        if has_more and DECODERS.fullmatch(name):  # reads more than its latent
            kernel = np.zeros(layer.kernel.shape, decoder.dtype)
            kernel[:, :, : decoder.shape[2]] = values[0][:, :, : decoder.shape[2]]
            values = [kernel, *values[1:]]
        layer.set_weights(values)
    decode_beside(network, config)
    return network


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
