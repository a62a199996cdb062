"""Weights of the published SepFormers, by the names of this project's layers."""

from fqss_tf.models.dual_path_weights import (
    attention_weights,
    decoder_weights,
    encoder_weights,
    head_weights,
)
from fqss_tf.models.published import PublishedTensors
from fqss_tf.models.sepformer.sizes import SepFormerConfig
from fqss_tf.types import LayerWeights


def from_published(
    tensors: PublishedTensors, config: SepFormerConfig, *, fqss: bool
) -> LayerWeights:
    """Layer name -> list of arrays of a SepFormer.

    Args:
        tensors: PublishedTensors.
        config: SepFormerConfig.
        fqss: names as FQSS has them, else as speechbrain.

    Raises:
        FqssError: a tensor is missing or has another shape than ``config`` says.
    """
    masker = tensors.under("masker." if fqss else "masknet.")
    filters, width = config.filters, config.width
    encoder = "encoder.0.weight" if fqss else "encoder.conv1d.weight"
    weights = encoder_weights(tensors, config, encoder)
    weights["bottleneck_norm"] = masker.norm("norm", filters)
    weights["bottleneck"] = masker.pointwise("conv1d", filters, width, bias=False)
    for block in range(config.blocks):
        inner = masker.under(f"layers.{block}." if fqss else f"dual_mdl.{block}.")
        for path, depth in (("intra", config.intra_layers), ("inter", config.inter_layers)):
            name = f"block_{block}_{path}"
            stack = inner.under(f"{path}_transformer_block." if fqss else f"{path}_mdl.mdl.")
            for number in range(depth):
                layer = stack.under(f"layers.{number}.")
                weights |= _sepformer_layer(layer, config, f"{name}_{number}", fqss)
            weights[f"{name}_last_norm"] = stack.norm("norm" if fqss else "norm.norm", width)
            weights[f"{name}_norm"] = inner.norm(f"{path}_norm", width)
    names = ("net_out.0", "net_gate.0") if fqss else ("output.0", "output_gate.0")
    weights |= head_weights(masker, config, "prelu", "conv2d", *names)
    end = "end_conv.0" if fqss else "end_conv1x1"
    weights["mask"] = masker.pointwise(end, width, filters, bias=False)
    tensors.leave(r"\.pe$")  # the sinusoids are computed
    return weights | decoder_weights(tensors, config, "decoder.weight")


def _sepformer_layer(
    layer: PublishedTensors, config: SepFormerConfig, name: str, fqss: bool
) -> LayerWeights:
    ffn = layer.under("ffn." if fqss else "pos_ffn.ffn.")
    norm = "%s" if fqss else "%s.norm"
    return {
        f"{name}_attention_norm": layer.norm(norm % "norm1", config.width),
        **attention_weights(layer.under("mha." if fqss else "self_att.att."), config, name),
        f"{name}_ffn_norm": layer.norm(norm % "norm2", config.width),
        f"{name}_ffn_in": ffn.pointwise("0", config.width, config.feed_forward, axes=0),
        f"{name}_ffn_out": ffn.pointwise("3", config.feed_forward, config.width, axes=0),
    }
