"""Weights of the published ConvTasNets for music, by the names of this project's layers."""

import dataclasses

import numpy as np

from fqss_tf.models.music_convtasnet.sizes import MusicConvTasNetConfig
from fqss_tf.models.published import PublishedTensors
from fqss_tf.models.waveform_weights import samples_kernel_to_blocks, transposed_kernel_to_blocks
from fqss_tf.types import FloatArray, LayerWeights

BLOCK = "separator.network.2.%d.%d.net"
MASKS = "separator.network.3"


@dataclasses.dataclass(frozen=True)
class Keys:
    """Where publishers differ: the keys of encoder and decoder, and how norms are laid out.

    ``first_norm``: of the norm behind the encoder. ``gain`` and ``shift``: what those of a norm are
    called. ``between``: whether they are ``[1, C, 1]`` and not ``[C]``.
    """

    encoder: str
    decoder: str
    first_norm: str
    gain: str
    shift: str
    between: bool


DEMUCS = Keys(
    "encoder.conv1d_U.weight", "decoder.basis_signals.weight", "separator.network.0", "gamma",
    "beta", between=True,
)
FQSS = Keys(
    "encoder.0.weight", "decoder.weight", "separator.network.0.norm", "weight", "bias",
    between=False,
)


def from_published(
    tensors: PublishedTensors, config: MusicConvTasNetConfig, keys: Keys
) -> LayerWeights:
    """Layer name -> list of arrays.

    Args:
        tensors: PublishedTensors.
        config: its sizes.
        keys: of the publisher.

    Raises:
        FqssError: a tensor is missing or has another shape than ``config`` says.
    """

    def prelu(key: str) -> list[FloatArray]:
        return [tensors.take(f"{key}.weight", 1).reshape(())]

    def norm(key: str, channels: int) -> list[FloatArray]:
        shape = (1, channels, 1) if keys.between else (channels,)
        names = (keys.gain, keys.shift)
        return [tensors.take(f"{key}.{name}", *shape).reshape(channels) for name in names]

    def pointwise(key: str, inputs: int, outputs: int) -> list[FloatArray]:
        return tensors.pointwise(key, inputs, outputs, bias=False)

    filters, bottleneck, hidden = config.filters, config.bottleneck, config.hidden
    encoder = tensors.take(keys.encoder, filters, config.audio_channels, config.kernel)
    weights = {
        "encoder_0": [samples_kernel_to_blocks(encoder, config.hop)],
        "bottleneck_norm": norm(keys.first_norm, filters),
        "bottleneck": pointwise("separator.network.1", filters, bottleneck),
    }
    for index in range(len(config.dilations)):
        name, key = f"block_{index}", BLOCK % divmod(index, config.blocks)
        weights[f"{name}_in"] = pointwise(f"{key}.0", bottleneck, hidden)
        weights[f"{name}_in_prelu"] = prelu(f"{key}.1")
        weights[f"{name}_in_norm"] = norm(f"{key}.2", hidden)
        depthwise = tensors.take(f"{key}.3.net.0.weight", hidden, 1, config.block_kernel)
        weights[f"{name}_depthwise"] = [depthwise.transpose(1, 2, 0)[..., None]]
        weights[f"{name}_depthwise_prelu"] = prelu(f"{key}.3.net.1")
        weights[f"{name}_depthwise_norm"] = norm(f"{key}.3.net.2", hidden)
        weights[f"{name}_residual"] = pointwise(f"{key}.3.net.3", hidden, bottleneck)
    (masks,) = pointwise(MASKS, bottleneck, config.sources * filters)
    for source, part in enumerate(np.split(masks, config.sources, -1)):
        weights[f"mask_{source}"] = [part]
    basis = tensors.take(keys.decoder, config.audio_channels * config.kernel, filters)
    decoder = basis.T.reshape(filters, config.audio_channels, config.kernel)
    weights["decoder_0"] = [transposed_kernel_to_blocks(decoder, config.hop)]
    return weights
