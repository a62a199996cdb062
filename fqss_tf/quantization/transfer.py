"""Weights of a trained float network for the graph that is quantised: same function, new form."""

import dataclasses

import numpy as np

from fqss_tf.errors import FqssError
from fqss_tf.models import convtasnet


def frozen_slopes(model):
    """PReLU slopes of a float model as floats, by layer name."""
    return {
        layer.name: float(layer.slope)
        for layer in model.layers
        if layer.name.endswith("_prelu")
    }


def folded_weights(model, config):
    """Layer name -> weights of a float ConvTasNet with its batch norms folded into convolutions.

    Norms in front of a PReLU go into the convolution before them; the bottleneck's goes into the
    1x1 convolution behind it. Exact up to rounding of float32.
    """
    weights = {
        layer.name: layer.get_weights()
        for layer in model.layers
        if layer.weights and not layer.name.endswith("_prelu")
    }
    if config.norm != "batch":
        return weights
    for name in [name for name in weights if name.endswith("_norm")]:
        gamma, beta, mean, variance = weights.pop(name)
        gain = gamma / np.sqrt(variance + model.get_layer(name).epsilon)
        target = name.removesuffix("_norm")
        kernel, bias = weights[target]
        if target == "bottleneck":
            offset = (beta - mean * gain) @ kernel[0, 0]
            weights[target] = [kernel * gain[:, None], bias + offset]
        elif target.endswith("depthwise"):
            weights[target] = [kernel * gain[:, None], (bias - mean) * gain + beta]
        else:
            weights[target] = [kernel * gain, (bias - mean) * gain + beta]
    return weights


def deployable(model, config, *, samples=None, batch=None):
    """The float model with constant PReLU slopes and folded batch norms: what export converts."""
    return staged(model, config, input_stages=1, output_stages=1, samples=samples, batch=batch)


def staged(model, config, *, input_stages, output_stages, samples=None, batch=None):
    """The float model with input splitter and output combiner, computing the same function.

    The encoder of plane k starts as W / 256^k with the bias of its flooring, decoder k as 256^k D,
    and the residual encoder as the right inverse of D, so that before any quantisation the further
    planes and stages carry exactly what the first ones leave out (method, section 7).
    """
    final = dataclasses.replace(config, norm="folded") if config.norm == "batch" else config
    network = convtasnet.build(
        final, samples=samples, batch=batch, input_stages=input_stages,
        output_stages=output_stages, slopes=frozen_slopes(model),
    )
    weights = folded_weights(model, config)
    (encoder,), (decoder, *_) = weights["encoder_0"], weights["decoder_0"]
    for plane in range(1, input_stages):
        part = encoder / 256**plane
        weights[f"encoder_{plane}"] = [part, part.sum(axis=(0, 1, 2))]
    check_stages(config, output_stages)
    inverse = right_inverse(decoder) if output_stages > 1 else None
    for stage in range(output_stages):
        if output_stages > 1:
            floor = (1 / 256 if stage + 1 < output_stages else 0) + (stage > 0)
            bias = np.full(config.hop, -floor, np.float32)
            weights[f"decoder_{stage}"] = [decoder * 256**stage, bias]
        if stage > 0:
            weights[f"residual_encoder_{stage}"] = [inverse / 256 ** (stage - 1)]
    for name, values in weights.items():
        network.get_layer(name).set_weights(values)
    return network


def check_stages(config, output_stages):
    """Raises FqssError if the decoder of these sizes has no right inverse, but needs one."""
    if output_stages > 1 and config.filters < config.kernel:
        raise FqssError(
            f"model.filters {config.filters} is below model.kernel {config.kernel}: a second "
            "output stage needs at least as many filters"
        )


def right_inverse(decoder):
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
