"""Asteroid's DPTNet as a flat functional Keras graph."""

import tensorflow as tf
import tf_keras as keras

from fqss_tf.layers.chunks import SplitIntoChunks
from fqss_tf.layers.norm import GlobalLayerNorm, RowLayerNorm
from fqss_tf.models.dptnet_asteroid.sizes import AsteroidDPTNetConfig
from fqss_tf.models.dual_path import (
    encoding,
    estimated_sources,
    gated_sources,
    improved_transformers,
    mask_activation,
    split_mixture,
)
from fqss_tf.models.sizes import Residual
from fqss_tf.types import KerasModel

layers = keras.layers


@tf.autograph.experimental.do_not_convert
def build(
    config: AsteroidDPTNetConfig, *, input_planes: int = 1, output_planes: int = 1,
    residual: Residual = "exact", for_export: bool = False,
) -> KerasModel:
    """Asteroid's network; mixture ``[B, 1, T, 1]`` -> estimates ``[B, S, T, 1]``.

    T is a multiple of ``config.hop``. Arguments as of ``fqss_tf.models.registry.build``.
    Its overlap-add divides by ``chunk / chunk_hop``: here the convolution before it has that in its
    weights.
    """
    mixture, planes = split_mixture(input_planes)
    encoded = encoding(planes, config, input_planes)
    encoded = layers.ReLU(name="encoded")(encoded)
    trunk = GlobalLayerNorm(name="input_norm")(encoded)
    trunk = SplitIntoChunks(config.chunk, config.chunk_hop, name="segment")(trunk)
    trunk = improved_transformers(trunk, config, lambda name: RowLayerNorm(name=name), for_export)
    gated = gated_sources(trunk, encoded, config, for_export, config.chunk_hop)
    mask = mask_activation(gated, config.mask_activation)
    masked = layers.Multiply(name="masked")([mask, encoded])
    estimates = estimated_sources(
        masked, planes, config, input_planes, output_planes, residual
    )
    return keras.Model(mixture, estimates, name="dptnet_asteroid")
