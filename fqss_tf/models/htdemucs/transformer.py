"""The transformer of HTDemucs, in which each branch attends to itself and to the other in turn."""

from collections.abc import Sequence

import tf_keras as keras

from fqss_tf.layers.norm import ChannelLayerNorm, GlobalLayerNorm
from fqss_tf.layers.positions import AddFramePositions, AddGridPositions
from fqss_tf.layers.shapes import FromRow, ToRow
from fqss_tf.layers.spectral import ChannelGain
from fqss_tf.models.attention import attention
from fqss_tf.models.htdemucs.sizes import HTDemucsConfig
from fqss_tf.models.waveform import convolution
from fqss_tf.types import KerasLayer, Tensor

layers = keras.layers
EPSILON = 1e-5  # of all norms


def across(
    read: Sequence[Tensor], config: HTDemucsConfig, names: Sequence[str], for_export: bool
) -> list[Tensor]:
    """Both branches ``[B, H, T, C]`` to the same, through the transformer.

    Tokens of the spectrum may have any order, as they carry their positions.

    Args:
        read: spectrum and waveform behind the deepest encoder layers; H of the latter is 1.
        config: sizes.
        names: of both branches.
        for_export: as of ``fqss_tf.models.registry.build``.
    """
    values = []
    placed: tuple[type[KerasLayer], ...] = (AddGridPositions, AddFramePositions)
    for each, name, positions in zip(read, names, placed, strict=True):
        wide = convolution(config.width, f"{name}_widened")(each)
        wide = _norm(wide, f"{name}_in_norm", for_export)
        values.append(ToRow(name=f"{name}_tokens")(positions(name=f"{name}_positions")(wide)))
    for layer in range(config.layers):
        others = values[::-1] if layer % 2 else [None, None]
        values = [
            _layer(each, other, f"{name}_layer_{layer}", config, for_export)
            for each, other, name in zip(values, others, names, strict=True)
        ]
    return [
        convolution(each.shape[-1], f"{name}_narrowed")(
            FromRow(name=f"{name}_from_tokens")([value, each])
        )
        for value, each, name in zip(values, read, names, strict=True)
    ]


def _layer(
    tokens: Tensor, other: Tensor | None, name: str, config: HTDemucsConfig, for_export: bool
) -> Tensor:
    """A transformer layer; the keys are of another branch if there is one."""
    normed = _norm(tokens, f"{name}_attention_norm", for_export)
    heard = None if other is None else _norm(other, f"{name}_other_norm", for_export)
    context = attention(normed, config, name, for_export, heard)
    if not for_export:  # else the convolution before it has the gain
        context = ChannelGain(name=f"{name}_context_gain")(context)
    tokens = layers.Add(name=f"{name}_attention_sum")([tokens, context])
    normed = _norm(tokens, f"{name}_ffn_norm", for_export)
    wide = convolution(config.feed_forward, f"{name}_ffn_in")(normed)
    wide = layers.Activation("gelu", name=f"{name}_gelu")(wide)
    narrow = convolution(config.width, f"{name}_ffn_out")(wide)
    if not for_export:
        narrow = ChannelGain(name=f"{name}_ffn_gain")(narrow)
    tokens = layers.Add(name=f"{name}_ffn_sum")([tokens, narrow])
    return GlobalLayerNorm(EPSILON, name=f"{name}_out_norm")(tokens)


def _norm(tokens: Tensor, name: str, for_export: bool) -> Tensor:
    return ChannelLayerNorm(unit_length=for_export, epsilon=EPSILON, name=name)(tokens)
