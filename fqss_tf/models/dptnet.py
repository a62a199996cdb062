"""DPTNet (Chen et al. 2020): the authors' network, which FQSS quantizes, and asteroid's."""

from collections.abc import Callable

import tensorflow as tf
import tf_keras as keras

from fqss_tf.layers.chunks import SplitIntoChunks
from fqss_tf.layers.norm import ChannelLayerNorm, GlobalLayerNorm, RowLayerNorm
from fqss_tf.models.dual_path import (
    across_chunks,
    attention,
    both_directions,
    encoded_mixture,
    estimated_sources,
    gated_sources,
    mask_activation,
)
from fqss_tf.models.sizes import AsteroidDPTNetConfig, DPTNetConfig
from fqss_tf.models.waveform import convolution
from fqss_tf.types import KerasLayer, KerasModel, Tensor

__all__ = ["AsteroidDPTNetConfig", "DPTNetConfig", "build", "build_asteroid"]

layers = keras.layers


@tf.autograph.experimental.do_not_convert
def build(
    config: DPTNetConfig, *, input_planes: int = 1, output_planes: int = 1, for_export: bool = False
) -> KerasModel:
    """The authors' network: mixture ``[B, 1, T, 1]`` -> estimates ``[B, S, T, 1]``.

    T is a multiple of ``config.hop``. Arguments as of ``fqss_tf.models.convtasnet.build``.
    """
    mixture, encoded = encoded_mixture(config, input_planes)
    encoded = layers.ReLU(name="encoded")(encoded)
    normed = GlobalLayerNorm(name="bottleneck_norm")(encoded)
    trunk = convolution(config.width, "bottleneck", use_bias=False)(normed)
    trunk = SplitIntoChunks(config.chunk, name="segment")(trunk)

    def norm(name: str) -> KerasLayer:
        return ChannelLayerNorm(unit_length=for_export, epsilon=1e-5, name=name)

    trunk = _dual_path(trunk, config, norm, for_export)
    gated = gated_sources(trunk, encoded, config, for_export)
    mask = convolution(config.filters, "mask", use_bias=False, activation="relu")(gated)
    masked = layers.Multiply(name="masked")([mask, encoded])
    estimates = estimated_sources(masked, config, output_planes, config.residual == "frames")
    return keras.Model(mixture, estimates, name="dptnet")


@tf.autograph.experimental.do_not_convert
def build_asteroid(
    config: AsteroidDPTNetConfig, *, input_planes: int = 1, output_planes: int = 1,
    for_export: bool = False,
) -> KerasModel:
    """Asteroid's network; shapes and arguments as of ``build``.

    Its overlap-add divides by ``chunk / chunk_hop``: here the convolution before it has that in its
    weights.
    """
    mixture, encoded = encoded_mixture(config, input_planes)
    encoded = layers.ReLU(name="encoded")(encoded)
    trunk = GlobalLayerNorm(name="input_norm")(encoded)
    trunk = SplitIntoChunks(config.chunk, config.chunk_hop, name="segment")(trunk)
    trunk = _dual_path(trunk, config, lambda name: RowLayerNorm(name=name), for_export)
    gated = gated_sources(trunk, encoded, config, for_export, config.chunk_hop)
    mask = mask_activation(gated, config.mask_activation)
    masked = layers.Multiply(name="masked")([mask, encoded])
    estimates = estimated_sources(masked, config, output_planes)
    return keras.Model(mixture, estimates, name="dptnet_asteroid")


def _dual_path(
    trunk: Tensor, config: DPTNetConfig | AsteroidDPTNetConfig, norm: Callable[[str], KerasLayer],
    for_export: bool,
) -> Tensor:
    for block in range(config.blocks):
        for path in ("intra", "inter"):
            name = f"block_{block}_{path}"
            trunk = _improved_transformer(trunk, config, name, norm, for_export)
            trunk = across_chunks(trunk, f"{name}_permuted")
    return trunk


def _improved_transformer(
    inputs: Tensor, config: DPTNetConfig | AsteroidDPTNetConfig, name: str,
    norm: Callable[[str], KerasLayer], for_export: bool,
) -> Tensor:
    """A transformer layer whose feed-forward part begins with an LSTM (DPTNet, sec. 2.2)."""
    context = attention(inputs, config, name, for_export)
    attended = layers.Add(name=f"{name}_attention_sum")([inputs, context])
    normed = norm(f"{name}_attention_norm")(attended)
    wide = layers.ReLU(name=f"{name}_relu")(both_directions(normed, config, name))
    narrow = convolution(config.width, f"{name}_linear")(wide)
    summed = layers.Add(name=f"{name}_linear_sum")([normed, narrow])
    return norm(f"{name}_linear_norm")(summed)
