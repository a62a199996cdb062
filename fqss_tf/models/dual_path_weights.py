"""Weights of the published dual-path networks, by the names of this project's layers."""

import numpy as np

from fqss_tf.models.published import PublishedTensors
from fqss_tf.models.sizes import (
    AsteroidDPTNetConfig,
    AttentionSizes,
    DPRNNConfig,
    DPTNetConfig,
    DualPathSizes,
    EncoderSizes,
    LstmSizes,
    SepFormerConfig,
)
from fqss_tf.models.waveform_weights import samples_kernel_to_blocks, transposed_kernel_to_blocks
from fqss_tf.types import LayerWeights

ASTEROID_HEAD = ("first_out.0", "first_out.1", "net_out.0", "net_gate.0")


def sepformer(tensors: PublishedTensors, config: SepFormerConfig, *, fqss: bool) -> LayerWeights:
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
    weights = _encoder(tensors, config, "encoder.0.weight" if fqss else "encoder.conv1d.weight")
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
    weights |= _head(masker, config, "prelu", "conv2d", *names)
    end = "end_conv.0" if fqss else "end_conv1x1"
    weights["mask"] = masker.pointwise(end, width, filters, bias=False)
    tensors.leave(r"\.pe$")  # the sinusoids are computed
    return weights | _decoder(tensors, config, "decoder.weight")


def _sepformer_layer(
    layer: PublishedTensors, config: SepFormerConfig, name: str, fqss: bool
) -> LayerWeights:
    ffn = layer.under("ffn." if fqss else "pos_ffn.ffn.")
    norm = "%s" if fqss else "%s.norm"
    return {
        f"{name}_attention_norm": layer.norm(norm % "norm1", config.width),
        **_attention(layer.under("mha." if fqss else "self_att.att."), config, name),
        f"{name}_ffn_norm": layer.norm(norm % "norm2", config.width),
        f"{name}_ffn_in": ffn.pointwise("0", config.width, config.feed_forward, axes=0),
        f"{name}_ffn_out": ffn.pointwise("3", config.feed_forward, config.width, axes=0),
    }


def dptnet(tensors: PublishedTensors, config: DPTNetConfig, *, mask: str) -> LayerWeights:
    """Layer name -> list of arrays of the authors' DPTNet; as ``sepformer``.

    ``mask``: the key of its mask's convolution.
    """
    filters, width = config.filters, config.width
    weights = _encoder(tensors, config, "encoder.conv1d_U.weight")
    weights["bottleneck_norm"] = tensors.norm("enc_LN", filters)
    weights["bottleneck"] = tensors.pointwise("separator.BN", filters, width, bias=False)
    for path, key in (("intra", "row"), ("inter", "col")):
        for block in range(config.blocks):
            layer = tensors.under(f"separator.DPT.{key}_transformer.{block}.transformer.")
            weights |= _improved_transformer(
                layer, config, f"block_{block}_{path}",
                ("self_attn.", "lstm.", "norm1", "norm2"), ("weight", "bias"),
            )
    separator = tensors.under("separator.")
    weights |= _head(separator, config, "DPT.output.0", "DPT.output.1", "output.0", "output_gate.0")
    weights["mask"] = tensors.pointwise(mask, width, filters, bias=False)
    basis = tensors.take("decoder.basis_signals.weight", config.kernel, filters)
    return weights | {"decoder_0": [transposed_kernel_to_blocks(basis.T[:, None], config.hop)]}


def asteroid_dptnet(tensors: PublishedTensors, config: AsteroidDPTNetConfig) -> LayerWeights:
    """Layer name -> list of arrays of asteroid's DPTNet; as ``sepformer``."""
    masker = tensors.under("masker.")
    weights = _encoder(tensors, config, "encoder.filterbank._filters")
    weights["input_norm"] = masker.norm("in_norm", config.filters, "gamma", "beta")
    for block in range(config.blocks):
        for number, path in enumerate(("intra", "inter")):
            weights |= _improved_transformer(
                masker.under(f"layers.{block}.{number}."), config, f"block_{block}_{path}",
                ("mha.", "recurrent.", "norm_mha", "norm_ff"), ("gamma", "beta"),
            )
    head = _head(masker, config, *ASTEROID_HEAD)
    # This network divides by the number of overlapping chunks when it has added them up.
    overlaps = config.chunk / config.chunk_hop
    head["speakers"] = [values.astype(np.float64) / overlaps for values in head["speakers"]]
    return weights | head | _decoder(tensors, config, "decoder.filterbank._filters")


def dprnn(tensors: PublishedTensors, config: DPRNNConfig) -> LayerWeights:
    """Layer name -> list of arrays of asteroid's DPRNN-TasNet; as ``sepformer``."""
    masker = tensors.under("masker.")
    filters, width = config.filters, config.width
    weights = _encoder(tensors, config, "encoder.filterbank._filters")
    weights["bottleneck_norm"] = masker.norm("bottleneck.0", filters, "gamma", "beta")
    weights["bottleneck"] = masker.pointwise("bottleneck.1", filters, width)
    for block in range(config.blocks):
        inner = masker.under(f"net.{block}.")
        for path in ("intra", "inter"):
            name = f"block_{block}_{path}"
            weights |= _directions(inner.under(f"{path}_RNN.rnn."), config, name)
            weights[f"{name}_linear"] = inner.pointwise(
                f"{path}_linear", 2 * config.hidden, width, axes=0
            )
            weights[f"{name}_norm"] = inner.norm(f"{path}_norm", width, "gamma", "beta")
    weights |= _head(masker, config, *ASTEROID_HEAD)
    weights["mask"] = masker.pointwise("mask_net", width, filters, bias=False)
    return weights | _decoder(tensors, config, "decoder.filterbank._filters")


def _encoder(tensors: PublishedTensors, config: EncoderSizes, key: str) -> LayerWeights:
    kernel = tensors.take(key, config.filters, 1, config.kernel)
    return {"encoder_0": [samples_kernel_to_blocks(kernel, config.hop)]}


def _decoder(tensors: PublishedTensors, config: EncoderSizes, key: str) -> LayerWeights:
    kernel = tensors.take(key, config.filters, 1, config.kernel)
    return {"decoder_0": [transposed_kernel_to_blocks(kernel, config.hop)]}


def _head(
    tensors: PublishedTensors, config: DualPathSizes, prelu: str, speakers: str, value: str,
    gate: str,
) -> LayerWeights:
    width = config.width
    return {
        "mask_prelu": [tensors.take(f"{prelu}.weight", 1).reshape(())],
        "speakers": tensors.pointwise(speakers, width, config.sources * width, axes=2),
        "gated": tensors.pointwise(value, width, width),
        "gate": tensors.pointwise(gate, width, width),
    }


def _attention(tensors: PublishedTensors, config: AttentionSizes, name: str) -> LayerWeights:
    """Rows of the joint projection: query, key, value."""
    width = config.width
    joint = tensors.take("in_proj_weight", 3 * width, width)
    bias = tensors.take("in_proj_bias", 3 * width)
    weights = {f"{name}_context": tensors.pointwise("out_proj", width, width, axes=0)}
    for role, kernel, offset in zip(
        ("query", "key", "value"), np.split(joint, 3), np.split(bias, 3), strict=True
    ):
        weights[f"{name}_{role}"] = [kernel.T[None, None], offset]
    return weights


def _directions(tensors: PublishedTensors, config: LstmSizes, name: str) -> LayerWeights:
    """PyTorch's order of gates is Keras'; its two biases are always added."""
    weights = []
    inputs, hidden = config.width, config.hidden
    for end in ("", "_reverse"):
        weights += [
            tensors.take(f"weight_ih_l0{end}", 4 * hidden, inputs).T,
            tensors.take(f"weight_hh_l0{end}", 4 * hidden, hidden).T,
            tensors.take(f"bias_ih_l0{end}", 4 * hidden).astype(np.float64)
            + tensors.take(f"bias_hh_l0{end}", 4 * hidden),
        ]
    return {f"{name}_lstm": weights}


def _improved_transformer(
    layer: PublishedTensors, config: DPTNetConfig | AsteroidDPTNetConfig, name: str,
    parts: tuple[str, str, str, str], norm: tuple[str, str],
) -> LayerWeights:
    attention, lstm, first_norm, second_norm = parts
    return {
        **_attention(layer.under(attention), config, name),
        f"{name}_attention_norm": layer.norm(first_norm, config.width, *norm),
        **_directions(layer.under(lstm), config, name),
        f"{name}_linear": layer.pointwise("linear", 2 * config.hidden, config.width, axes=0),
        f"{name}_linear_norm": layer.norm(second_norm, config.width, *norm),
    }
