"""Weights of asteroid's DPRNN-TasNet, by the names of this project's layers."""

from fqss_tf.models.dprnn.sizes import DPRNNConfig
from fqss_tf.models.dual_path_weights import (
    ASTEROID_HEAD,
    decoder_weights,
    encoder_weights,
    head_weights,
    lstm_weights,
)
from fqss_tf.models.published import PublishedTensors
from fqss_tf.types import LayerWeights


def from_published(tensors: PublishedTensors, config: DPRNNConfig) -> LayerWeights:
    """Layer name -> list of arrays of asteroid's DPRNN-TasNet.

    Args:
        tensors: PublishedTensors.
        config: its sizes.

    Raises:
        FqssError: a tensor is missing or has another shape than ``config`` says.
    """
    masker = tensors.under("masker.")
    filters, width = config.filters, config.width
    weights = encoder_weights(tensors, config, "encoder.filterbank._filters")
    weights["bottleneck_norm"] = masker.norm("bottleneck.0", filters, "gamma", "beta")
    weights["bottleneck"] = masker.pointwise("bottleneck.1", filters, width)
    for block in range(config.blocks):
        inner = masker.under(f"net.{block}.")
        for path in ("intra", "inter"):
            name = f"block_{block}_{path}"
            weights |= lstm_weights(inner.under(f"{path}_RNN.rnn."), config, name)
            weights[f"{name}_linear"] = inner.pointwise(
                f"{path}_linear", 2 * config.hidden, width, axes=0
            )
            weights[f"{name}_norm"] = inner.norm(f"{path}_norm", width, "gamma", "beta")
    weights |= head_weights(masker, config, *ASTEROID_HEAD)
    weights["mask"] = masker.pointwise("mask_net", width, filters, bias=False)
    return weights | decoder_weights(tensors, config, "decoder.filterbank._filters")
