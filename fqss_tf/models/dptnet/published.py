"""Weights of the authors' DPTNet and of FQSS', by the names of this project's layers."""

from fqss_tf.models.dptnet.sizes import DPTNetConfig
from fqss_tf.models.dual_path_weights import (
    encoder_weights,
    head_weights,
    improved_transformer_weights,
)
from fqss_tf.models.published import PublishedTensors
from fqss_tf.models.waveform_weights import transposed_kernel_to_blocks
from fqss_tf.types import LayerWeights


def from_published(tensors: PublishedTensors, config: DPTNetConfig, *, mask: str) -> LayerWeights:
    """Layer name -> list of arrays of the authors' DPTNet.

    Args:
        tensors: PublishedTensors.
        config: its sizes.
        mask: the key of its mask's convolution.

    Raises:
        FqssError: a tensor is missing or has another shape than ``config`` says.
    """
    filters, width = config.filters, config.width
    weights = encoder_weights(tensors, config, "encoder.conv1d_U.weight")
    weights["bottleneck_norm"] = tensors.norm("enc_LN", filters)
    weights["bottleneck"] = tensors.pointwise("separator.BN", filters, width, bias=False)
    for path, key in (("intra", "row"), ("inter", "col")):
        for block in range(config.blocks):
            layer = tensors.under(f"separator.DPT.{key}_transformer.{block}.transformer.")
            weights |= improved_transformer_weights(
                layer, config, f"block_{block}_{path}",
                ("self_attn.", "lstm.", "norm1", "norm2"), ("weight", "bias"),
            )
    separator = tensors.under("separator.")
    weights |= head_weights(
        separator, config, "DPT.output.0", "DPT.output.1", "output.0", "output_gate.0"
    )
    weights["mask"] = tensors.pointwise(mask, width, filters, bias=False)
    basis = tensors.take("decoder.basis_signals.weight", config.kernel, filters)
    return weights | {"decoder_0": [transposed_kernel_to_blocks(basis.T[:, None], config.hop)]}
