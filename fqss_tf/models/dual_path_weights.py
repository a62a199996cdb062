"""Published weights of what dual-path networks share, by the names of this project's layers."""

import numpy as np

from fqss_tf.models.filterbank import MASK_SHARE, begin_with_cosines
from fqss_tf.models.published import PublishedTensors
from fqss_tf.models.sizes import (
    AttentionLstmSizes,
    DualPathSizes,
    EncoderSizes,
    Heads,
    LstmSizes,
)
from fqss_tf.models.waveform_weights import samples_kernel_to_blocks, transposed_kernel_to_blocks
from fqss_tf.types import KerasModel, LayerWeights

ASTEROID_HEAD = ("first_out.0", "first_out.1", "net_out.0", "net_gate.0")


def begin_with_small_masks(model: KerasModel, config: DualPathSizes) -> None:
    """Sets encoder and decoder to cosine filters, and makes the masks small, in place.

    Sources that add up to the mixture begin near half of it, then.

    Args:
        model: float, with random weights.
        config: its sizes.
    """
    begin_with_cosines(model, config)
    mask = model.get_layer("mask")
    mask.set_weights([MASK_SHARE * values for values in mask.get_weights()])


def encoder_weights(tensors: PublishedTensors, config: EncoderSizes, key: str) -> LayerWeights:
    """Takes the kernel of the encoder."""
    kernel = tensors.take(key, config.filters, 1, config.kernel)
    return {"encoder_0": [samples_kernel_to_blocks(kernel, config.hop)]}


def decoder_weights(tensors: PublishedTensors, config: EncoderSizes, key: str) -> LayerWeights:
    """Takes the kernel of the decoder."""
    kernel = tensors.take(key, config.filters, 1, config.kernel)
    return {"decoder_0": [transposed_kernel_to_blocks(kernel, config.hop)]}


def head_weights(
    tensors: PublishedTensors, config: DualPathSizes, prelu: str, speakers: str, value: str,
    gate: str,
) -> LayerWeights:
    """Takes what ``gated_sources`` has; arguments are the keys."""
    width = config.width
    return {
        "mask_prelu": [tensors.take(f"{prelu}.weight", 1).reshape(())],
        "speakers": tensors.pointwise(speakers, width, config.sources * width, axes=2),
        "gated": tensors.pointwise(value, width, width),
        "gate": tensors.pointwise(gate, width, width),
    }


def attention_weights(tensors: PublishedTensors, config: Heads, name: str) -> LayerWeights:
    """Takes the rows of the joint projection: query, key, value."""
    width = config.width
    joint = tensors.take("in_proj_weight", 3 * width, width)
    bias = tensors.take("in_proj_bias", 3 * width)
    weights = {f"{name}_context": tensors.pointwise("out_proj", width, width, axes=0)}
    for role, kernel, offset in zip(
        ("query", "key", "value"), np.split(joint, 3), np.split(bias, 3), strict=True
    ):
        weights[f"{name}_{role}"] = [kernel.T[None, None], offset]
    return weights


def lstm_weights(tensors: PublishedTensors, config: LstmSizes, name: str) -> LayerWeights:
    """Takes an LSTM: PyTorch's order of gates is Keras', and its two biases are always added."""
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


def improved_transformer_weights(
    layer: PublishedTensors, config: AttentionLstmSizes, name: str,
    parts: tuple[str, str, str, str], norm: tuple[str, str],
) -> LayerWeights:
    """Takes a transformer layer that begins with an LSTM.

    ``parts``: keys of attention, LSTM and both norms; ``norm``: names of their gain and bias.
    """
    attention, lstm, first_norm, second_norm = parts
    return {
        **attention_weights(layer.under(attention), config, name),
        f"{name}_attention_norm": layer.norm(first_norm, config.width, *norm),
        **lstm_weights(layer.under(lstm), config, name),
        f"{name}_linear": layer.pointwise("linear", 2 * config.hidden, config.width, axes=0),
        f"{name}_linear_norm": layer.norm(second_norm, config.width, *norm),
    }
