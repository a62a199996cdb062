"""Weights of asteroid's DPTNet, by the names of this project's layers."""

import numpy as np

from fqss_tf.models.dptnet_asteroid.sizes import AsteroidDPTNetConfig
from fqss_tf.models.dual_path_weights import (
    ASTEROID_HEAD,
    decoder_weights,
    encoder_weights,
    head_weights,
    improved_transformer_weights,
)
from fqss_tf.models.published import PublishedTensors
from fqss_tf.types import LayerWeights


def from_published(tensors: PublishedTensors, config: AsteroidDPTNetConfig) -> LayerWeights:
    """Layer name -> list of arrays of asteroid's DPTNet.

    Args:
        tensors: PublishedTensors.
        config: its sizes.

    Raises:
        FqssError: a tensor is missing or has another shape than ``config`` says.
    """
    masker = tensors.under("masker.")
    weights = encoder_weights(tensors, config, "encoder.filterbank._filters")
    weights["input_norm"] = masker.norm("in_norm", config.filters, "gamma", "beta")
    for block in range(config.blocks):
        for number, path in enumerate(("intra", "inter")):
            weights |= improved_transformer_weights(
                masker.under(f"layers.{block}.{number}."), config, f"block_{block}_{path}",
                ("mha.", "recurrent.", "norm_mha", "norm_ff"), ("gamma", "beta"),
            )
    head = head_weights(masker, config, *ASTEROID_HEAD)
    # This network divides by the number of overlapping chunks when it has added them up.
    overlaps = config.chunk / config.chunk_hop
    head["speakers"] = [values.astype(np.float64) / overlaps for values in head["speakers"]]
    return weights | head | decoder_weights(tensors, config, "decoder.filterbank._filters")
