"""Weights of demucs' HTDemucs, by the names of this project's layers; FQSS has the same keys."""

import dataclasses

from fqss_tf.formats import CHANNELS
from fqss_tf.models.dual_path_weights import attention_weights
from fqss_tf.models.htdemucs.sizes import KERNEL, HTDemucsConfig
from fqss_tf.models.published import PublishedTensors
from fqss_tf.types import FloatArray, LayerWeights

# The table of frequencies is kept so much smaller, and added so much weaker.
ROWS_FACTOR = 10 * 0.2
CROSS = "crosstransformer"


@dataclasses.dataclass(frozen=True)
class Branch:
    """``name``: here. ``prefix`` and ``suffix``: what demucs puts around the names of its parts.

    ``is_flat``: convolutions are along one axis and not two.
    """

    name: str
    prefix: str
    suffix: str
    is_flat: bool


BRANCHES = (Branch("frequency", "", "", False), Branch("time", "t", "_t", True))


def from_published(tensors: PublishedTensors, config: HTDemucsConfig) -> LayerWeights:
    """Layer name -> list of arrays.

    Args:
        tensors: PublishedTensors.
        config: its sizes.

    Raises:
        FqssError: a tensor is missing or has another shape than ``config`` says.
    """
    rows = tensors.take("freq_emb.embedding.weight", config.bins // 4, config.filters)
    weights: LayerWeights = {"frequency_rows": [ROWS_FACTOR * rows]}
    for branch in BRANCHES:
        for level in range(config.depth):
            weights |= _encoder(tensors, config, branch, level)
            weights |= _decoder(tensors, config, branch, level)
        deepest = config.channels(config.depth - 1)
        weights[f"{branch.name}_widened"] = tensors.pointwise(
            f"channel_upsampler{branch.suffix}", deepest, config.width
        )
        weights[f"{branch.name}_narrowed"] = tensors.pointwise(
            f"channel_downsampler{branch.suffix}", config.width, deepest
        )
        weights[f"{branch.name}_in_norm"] = tensors.norm(
            f"{CROSS}.norm_in{branch.suffix}", config.width
        )
        for layer in range(config.layers):
            inner = tensors.under(f"{CROSS}.layers{branch.suffix}.{layer}.")
            weights |= _transformer_layer(
                inner, config, f"{branch.name}_layer_{layer}", is_cross=bool(layer % 2)
            )
    return weights


def _encoder(
    tensors: PublishedTensors, config: HTDemucsConfig, branch: Branch, level: int
) -> LayerWeights:
    inner = tensors.under(f"{branch.prefix}encoder.{level}.")
    name, channels = f"{branch.name}_encoder_{level}", config.channels(level)
    inputs = config.channels(level - 1) if level else CHANNELS * (1 if branch.is_flat else 2)
    return {
        name: _convolution(inner, "conv", branch, inputs, channels, KERNEL, 1),
        f"{name}_rewrite": _convolution(inner, "rewrite", branch, channels, 2 * channels, 1, 1),
    } | _beside(inner, config, name, channels)


def _decoder(
    tensors: PublishedTensors, config: HTDemucsConfig, branch: Branch, level: int
) -> LayerWeights:
    """Demucs counts its decoder's layers from the deepest."""
    inner = tensors.under(f"{branch.prefix}decoder.{config.depth - 1 - level}.")
    name, channels = f"{branch.name}_decoder_{level}", config.channels(level)
    outputs = config.channels(level - 1)
    if not level:
        outputs = config.sources * CHANNELS * (1 if branch.is_flat else 2)
    weights = {
        name: _convolution(
            inner, "conv_tr", branch, channels, outputs, KERNEL, 1, is_transposed=True
        ),
        f"{name}_rewrite": _convolution(inner, "rewrite", branch, channels, 2 * channels, 3, 3),
    }
    return weights | (_beside(inner, config, name, channels) if config.decoder_branches else {})


def _convolution(
    tensors: PublishedTensors, key: str, branch: Branch, inputs: int, outputs: int, along: int,
    across: int, is_transposed: bool = False,
) -> list[FloatArray]:
    """Kernel and bias; ``along`` and ``across``: sizes along the branch's axis, and the other."""
    ends = (inputs, outputs) if is_transposed else (outputs, inputs)
    size = (along,) if branch.is_flat else (along, across)
    kernel = tensors.take(f"{key}.weight", *ends, *size)
    if branch.is_flat:
        kernel = kernel[:, :, None]
    # Both kinds have the channels last in Keras, in the other order.
    return [kernel.transpose(2, 3, 1, 0), tensors.take(f"{key}.bias", outputs)]


def _beside(
    tensors: PublishedTensors, config: HTDemucsConfig, name: str, channels: int
) -> LayerWeights:
    weights: LayerWeights = {}
    few = channels // config.compression
    for index in range(config.branches):
        part, inner = f"{name}_branch_{index}", tensors.under(f"dconv.layers.{index}.")
        kernel = inner.take("0.weight", few, channels, 3)
        weights |= {
            f"{part}_in": [kernel.transpose(2, 1, 0)[None], inner.take("0.bias", few)],
            f"{part}_in_norm": inner.norm("1", few),
            f"{part}_out": inner.pointwise("3", few, 2 * channels),
            f"{part}_out_norm": inner.norm("4", 2 * channels),
            f"{part}_gain": [inner.take("6.scale", channels)],
        }
    return weights


def _transformer_layer(
    tensors: PublishedTensors, config: HTDemucsConfig, name: str, is_cross: bool
) -> LayerWeights:
    width, wide = config.width, config.feed_forward
    attention = "cross_attn" if is_cross else "self_attn"
    weights = attention_weights(tensors.under(f"{attention}."), config, name)
    norms = {"attention": "norm1", "ffn": "norm2", "out": "norm_out"}
    if is_cross:
        norms |= {"other": "norm2", "ffn": "norm3"}
    weights |= {f"{name}_{role}_norm": tensors.norm(key, width) for role, key in norms.items()}
    return weights | {
        f"{name}_context_gain": [tensors.take("gamma_1.scale", width)],
        f"{name}_ffn_in": tensors.pointwise("linear1", width, wide, axes=0),
        f"{name}_ffn_out": tensors.pointwise("linear2", wide, width, axes=0),
        f"{name}_ffn_gain": [tensors.take("gamma_2.scale", width)],
    }
