"""The authors' DPTNet as a flat functional Keras graph."""

import tensorflow as tf
import tf_keras as keras

from fqss_tf.layers.chunks import SplitIntoChunks
from fqss_tf.layers.norm import ChannelLayerNorm, GlobalLayerNorm
from fqss_tf.models.dptnet.sizes import DPTNetConfig
from fqss_tf.models.dual_path import (
    encoding,
    estimated_sources,
    gated_sources,
    improved_transformers,
    projected_mask,
    split_mixture,
)
from fqss_tf.models.sizes import Residual
from fqss_tf.models.waveform import convolution
from fqss_tf.types import KerasLayer, KerasModel

layers = keras.layers


@tf.autograph.experimental.do_not_convert
def build(
    config: DPTNetConfig, *, input_planes: int = 1, output_planes: int = 1,
    residual: Residual = "exact", for_export: bool = False,
) -> KerasModel:
    """The authors' network: mixture ``[B, 1, T, 1]`` -> estimates ``[B, S, T, 1]``.

    T is a multiple of ``config.hop``. Arguments as of ``fqss_tf.models.registry.build``.
    """
    mixture, planes = split_mixture(input_planes)
    encoded = encoding(planes, config, input_planes)
    encoded = layers.ReLU(name="encoded")(encoded)
    normed = GlobalLayerNorm(name="bottleneck_norm")(encoded)
    trunk = convolution(config.width, "bottleneck", use_bias=False)(normed)
    trunk = SplitIntoChunks(config.chunk, name="segment")(trunk)

    def norm(name: str) -> KerasLayer:
        return ChannelLayerNorm(unit_length=for_export, epsilon=1e-5, name=name)

    trunk = improved_transformers(trunk, config, norm, for_export)
    gated = gated_sources(trunk, encoded, config, for_export)
    mask = projected_mask(gated, config.filters, config.mask_activation)
    masked = layers.Multiply(name="masked")([mask, encoded])
    estimates = estimated_sources(
        masked, planes, config, input_planes, output_planes, residual
    )
    return keras.Model(mixture, estimates, name="dptnet")
