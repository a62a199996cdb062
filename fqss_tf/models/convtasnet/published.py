"""Weights of the published PyTorch ConvTasNets, by the names of this project's layers."""

import numpy as np

from fqss_tf.models.convtasnet.sizes import ConvTasNetConfig
from fqss_tf.models.published import PublishedTensors
from fqss_tf.models.waveform_weights import samples_kernel_to_blocks, transposed_kernel_to_blocks
from fqss_tf.types import FloatArray, LayerWeights


def from_published(
    tensors: PublishedTensors, config: ConvTasNetConfig, *, encoder: str, decoder: str, gain: str,
    shift: str,
) -> LayerWeights:
    """Layer name -> list of arrays.

    Asteroid and FQSS publish the same network and differ in a few names.

    Args:
        tensors: PublishedTensors.
        config: ConvTasNetConfig with ``norm`` ``global`` and ``activation`` ``prelu``.
        encoder: key of the encoder's filters, ``[N, 1, k]``.
        decoder: key of the decoder's.
        gain: what the gain of a norm is called.
        shift: what the bias of a norm is called.

    Raises:
        FqssError: a tensor is missing or has another shape than ``config`` says.
    """

    def prelu(key: str) -> list[FloatArray]:
        return [tensors.take(f"{key}.weight", 1).reshape(())]

    def norm(key: str, channels: int) -> list[FloatArray]:
        return tensors.norm(key, channels, gain, shift)

    filters = (config.filters, 1, config.kernel)
    weights = {
        "encoder_0": [samples_kernel_to_blocks(tensors.take(encoder, *filters), config.hop)],
        "bottleneck_norm": norm("masker.bottleneck.0", config.filters),
        "bottleneck": tensors.pointwise("masker.bottleneck.1", config.filters, config.bottleneck),
    }
    last = len(config.dilations) - 1
    for index in range(last + 1):
        name, key = f"block_{index}", f"masker.TCN.{index}"
        shared = f"{key}.shared_block"
        weights[f"{name}_in"] = tensors.pointwise(
            f"{shared}.0", config.bottleneck, config.hidden
        )
        weights[f"{name}_in_prelu"] = prelu(f"{shared}.1")
        weights[f"{name}_in_norm"] = norm(f"{shared}.2", config.hidden)
        depthwise = tensors.take(f"{shared}.3.weight", config.hidden, 1, config.block_kernel)
        weights[f"{name}_depthwise"] = [
            depthwise.transpose(1, 2, 0)[..., None],
            tensors.take(f"{shared}.3.bias", config.hidden),
        ]
        weights[f"{name}_depthwise_prelu"] = prelu(f"{shared}.4")
        weights[f"{name}_depthwise_norm"] = norm(f"{shared}.5", config.hidden)
        residual = tensors.pointwise(f"{key}.res_conv", config.hidden, config.bottleneck)
        if index < last:  # the last block's is published too, but its result is not used
            weights[f"{name}_residual"] = residual
        weights[f"{name}_skip"] = tensors.pointwise(
            f"{key}.skip_conv", config.hidden, config.skip
        )
    weights["mask_prelu"] = prelu("masker.mask_net.0")
    kernel, bias = tensors.pointwise(
        "masker.mask_net.1", config.skip, config.sources * config.filters
    )
    for source, (part, offset) in enumerate(
        zip(np.split(kernel, config.sources, -1), np.split(bias, config.sources), strict=True)
    ):
        weights[f"mask_{source}"] = [part, offset]
    kernel = tensors.take(decoder, *filters)
    weights["decoder_0"] = [transposed_kernel_to_blocks(kernel, config.hop)]
    return weights
