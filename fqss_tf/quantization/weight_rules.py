"""How the weights of a layer are rounded."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import tf_keras as keras

from fqss_tf.layers.center import FromMean
from fqss_tf.layers.lstm import DIRECTIONS, BidirectionalLstm
from fqss_tf.layers.norm import ChannelLayerNorm, GlobalLayerNorm, RowLayerNorm
from fqss_tf.layers.positions import AddRows
from fqss_tf.layers.remainder import RemainderDecoder
from fqss_tf.layers.spectral import ChannelGain, ChannelShift
from fqss_tf.layers.stepped_lstm import SteppedLstm
from fqss_tf.quantization.quantizers import ModalQuantizer, RemainderQuantizer, WeightQuantizer
from fqss_tf.types import KerasLayer

layers = keras.layers

GATES = 4


@dataclass(frozen=True)
class WeightRule:
    """The weights of layers of one type: attribute name -> a new quantizer.

    ``make`` takes the layer and the bits.
    """

    type: type
    text: str
    make: Callable[[KerasLayer, int], Mapping[str, ModalQuantizer]]


def _of_norm(layer: KerasLayer, bits: int) -> Mapping[str, ModalQuantizer]:
    return {name: WeightQuantizer(bits, channel_axis=None) for name in ("gamma", "beta")}


def _of_lstm(layer: KerasLayer, bits: int, groups: int | None) -> Mapping[str, ModalQuantizer]:
    return {
        f"{direction}_{name}": WeightQuantizer(bits, groups=groups)
        for direction in DIRECTIONS
        for name in ("kernel", "recurrent_kernel")
    }


WEIGHT_RULES = (
    WeightRule(
        layers.DepthwiseConv2D, "per channel",
        lambda layer, bits: {"depthwise_kernel": WeightQuantizer(bits, channel_axis=-2)},
    ),
    WeightRule(
        RemainderDecoder, "per output channel, weights of samples whole numbers of steps",
        lambda layer, bits: {"kernel": RemainderQuantizer(bits, exact=layer.exact)},
    ),
    WeightRule(
        layers.Conv2D, "per output channel",
        lambda layer, bits: {"kernel": WeightQuantizer(bits)},
    ),
    WeightRule(GlobalLayerNorm, "gamma, beta: one scale each", _of_norm),
    WeightRule(RowLayerNorm, "gamma, beta: one scale each", _of_norm),
    WeightRule(ChannelLayerNorm, "gamma, beta: one scale each", _of_norm),
    WeightRule(
        FromMean, "mean: one scale",
        lambda layer, bits: {"mean": WeightQuantizer(bits, channel_axis=None)},
    ),
    WeightRule(
        ChannelShift, "shift: one scale",
        lambda layer, bits: {"shift": WeightQuantizer(bits, channel_axis=None)},
    ),
    WeightRule(
        AddRows, "rows: one scale",
        lambda layer, bits: {"rows": WeightQuantizer(bits, channel_axis=None)},
    ),
    WeightRule(
        ChannelGain, "gain: one scale",
        lambda layer, bits: {"gain": WeightQuantizer(bits, channel_axis=None)},
    ),
    WeightRule(SteppedLstm, "per output channel", lambda layer, bits: _of_lstm(layer, bits, None)),
    WeightRule(BidirectionalLstm, "per gate", lambda layer, bits: _of_lstm(layer, bits, GATES)),
)
