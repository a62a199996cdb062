"""What the dual-path networks share: from the mixture to chunks, and from chunks to estimates.

Flat functional Keras graphs over 4-D tensors. Chunks are ``[B, chunks, size, C]``: what goes along
a chunk needs no transpose, and what goes along the chunks one before and one behind.
"""

from collections.abc import Callable

import tf_keras as keras

from fqss_tf.layers.chunks import ChannelsToSources, OverlapAdd
from fqss_tf.layers.lstm import BidirectionalLstm
from fqss_tf.layers.planes import Combiner, Splitter
from fqss_tf.layers.rectify import Rectify
from fqss_tf.layers.stepped_lstm import SteppedLstm
from fqss_tf.models.attention import attention
from fqss_tf.models.sharing import decoded_sources
from fqss_tf.models.sizes import (
    AttentionLstmSizes,
    DualPathSizes,
    LstmSizes,
    MaskActivation,
    Residual,
)
from fqss_tf.models.waveform import convolution, encoder, mixture_blocks, prelu
from fqss_tf.types import KerasLayer, Tensor

layers = keras.layers


def split_mixture(input_planes: int) -> tuple[Tensor, Tensor]:
    """(input ``[B, 1, T, 1]``, its planes ``[B, 1, T, input_planes]``)."""
    mixture = keras.Input((1, None, 1), name="mixture")
    return mixture, Splitter(input_planes, name="splitter")(mixture)


def encoding(planes: Tensor, config: DualPathSizes, input_planes: int) -> Tensor:
    """Planes of the mixture -> its encoding ``[B, 1, M, filters]``."""
    return encoder(mixture_blocks(planes, config, input_planes), config)


def estimated_sources(
    masked: Tensor, planes: Tensor, config: DualPathSizes, input_planes: int, output_planes: int,
    residual: Residual,
) -> Tensor:
    """Masked encodings ``[B, latents, M, filters]`` -> estimates ``[B, S, T, 1]``."""
    outputs = decoded_sources(masked, planes, config, input_planes, output_planes, residual)
    return Combiner(name="combiner")(outputs)


def across_chunks(inputs: Tensor, name: str) -> Tensor:
    """``[B, chunks, size, C]`` -> ``[B, size, chunks, C]``, and back."""
    return layers.Permute((2, 1, 3), name=name)(inputs)


def gated_sources(
    segments: Tensor, encoded: Tensor, config: DualPathSizes, for_export: bool,
    chunk_hop: int | None = None,
) -> Tensor:
    """Chunks -> ``[B, latents, M, width]``: one set of channels a mask, added up and gated."""
    active = prelu(segments, "mask_prelu", for_export)
    speakers = convolution(config.latents * config.width, "speakers")(active)
    added = OverlapAdd(config.chunk, chunk_hop, name="overlap_add")([speakers, encoded])
    apart = ChannelsToSources(config.latents, name="sources")(added)
    value = layers.Activation("tanh", name="gated_tanh")(convolution(config.width, "gated")(apart))
    gate = layers.Activation("sigmoid", name="gate_sigmoid")(
        convolution(config.width, "gate")(apart)
    )
    return layers.Multiply(name="gated_product")([value, gate])


def both_directions(inputs: Tensor, config: LstmSizes, name: str, for_export: bool) -> Tensor:
    """An LSTM forwards and backwards, ``[B, H, T, C]`` -> ``[B, H, T, 2 * hidden]``."""
    stepped = for_export and config.lstm == "steps"
    lstm = SteppedLstm if stepped else BidirectionalLstm
    return lstm(config.hidden, name=f"{name}_lstm")(inputs)


def mask_activation(inputs: Tensor, kind: MaskActivation) -> Tensor:
    """ReLU, sigmoid, or nothing for ``linear``."""
    if kind == "relu":
        return layers.ReLU(name="masks")(inputs)
    return layers.Activation(kind, name="masks")(inputs)


def projected_mask(gated: Tensor, filters: int, kind: MaskActivation) -> Tensor:
    """``[B, S, M, width]`` -> masks ``[B, S, M, filters]``; a ReLU is fused with the projection."""
    fused = "relu" if kind == "relu" else None
    mask = convolution(filters, "mask", use_bias=False, activation=fused)(gated)
    return mask if fused else mask_activation(mask, kind)


def improved_transformers(
    trunk: Tensor, config: AttentionLstmSizes, norm: Callable[[str], KerasLayer],
    for_export: bool,
) -> Tensor:
    """The blocks of a DPTNet: a transformer layer along each chunk, and one along the chunks.

    ``norm``: makes a norm of this name.
    """
    for block in range(config.blocks):
        for path in ("intra", "inter"):
            name = f"block_{block}_{path}"
            trunk = _improved_transformer(trunk, config, name, norm, for_export)
            trunk = across_chunks(trunk, f"{name}_permuted")
    return trunk


def _improved_transformer(
    inputs: Tensor, config: AttentionLstmSizes, name: str,
    norm: Callable[[str], KerasLayer], for_export: bool,
) -> Tensor:
    """A transformer layer whose feed-forward part begins with an LSTM (DPTNet, sec. 2.2)."""
    context = attention(inputs, config, name, for_export)
    attended = layers.Add(name=f"{name}_attention_sum")([inputs, context])
    normed = norm(f"{name}_attention_norm")(attended)
    wide = Rectify(name=f"{name}_relu")(both_directions(normed, config, name, for_export))
    narrow = convolution(config.width, f"{name}_linear")(wide)
    summed = layers.Add(name=f"{name}_linear_sum")([normed, narrow])
    return norm(f"{name}_linear_norm")(summed)
