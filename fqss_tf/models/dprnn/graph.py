"""DPRNN-TasNet as a flat functional Keras graph."""

import tensorflow as tf
import tf_keras as keras

from fqss_tf.layers.chunks import SplitIntoChunks
from fqss_tf.layers.norm import GlobalLayerNorm
from fqss_tf.layers.rectify import Rectify
from fqss_tf.models.dprnn.sizes import DPRNNConfig
from fqss_tf.models.dual_path import (
    across_chunks,
    both_directions,
    encoding,
    estimated_sources,
    gated_sources,
    mask_activation,
    split_mixture,
)
from fqss_tf.models.sizes import Residual
from fqss_tf.models.waveform import convolution
from fqss_tf.types import KerasModel

layers = keras.layers


@tf.autograph.experimental.do_not_convert
def build(
    config: DPRNNConfig, *, input_planes: int = 1, output_planes: int = 1,
    residual: Residual = "exact", for_export: bool = False,
) -> KerasModel:
    """The network as a Keras model: mixture ``[B, 1, T, 1]`` -> estimates ``[B, S, T, 1]``.

    Unlike the other dual-path networks it has no ReLU behind the encoder. T is a multiple of
    ``config.hop``. Arguments as of ``fqss_tf.models.registry.build``.
    """
    mixture, planes = split_mixture(input_planes)
    encoded = encoding(planes, config, input_planes)
    features = encoded
    if config.features == "rectified":
        features = Rectify(name="features")(encoded)
    normed = GlobalLayerNorm(name="bottleneck_norm")(features)
    trunk = convolution(config.width, "bottleneck")(normed)
    trunk = SplitIntoChunks(config.chunk, config.chunk_hop, name="segment")(trunk)
    for block in range(config.blocks):
        for path in ("intra", "inter"):
            name = f"block_{block}_{path}"
            wide = both_directions(trunk, config, name, for_export)
            narrow = convolution(config.width, f"{name}_linear")(wide)
            normed = GlobalLayerNorm(name=f"{name}_norm")(narrow)
            trunk = layers.Add(name=f"{name}_residual_sum")([trunk, normed])
            trunk = across_chunks(trunk, f"{name}_permuted")
    gated = gated_sources(trunk, encoded, config, for_export, config.chunk_hop)
    mask = convolution(config.filters, "mask", use_bias=False)(gated)
    mask = mask_activation(mask, config.mask_activation)
    masked = layers.Multiply(name="masked")([mask, encoded])
    estimates = estimated_sources(
        masked, planes, config, input_planes, output_planes, residual
    )
    return keras.Model(mixture, estimates, name="dprnn")
