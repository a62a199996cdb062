"""Which quantizers a layer has: one table, decided from its type and its neighbors.

``OUTPUT_RULES`` says what rounds the output of a layer; the first rule that fits holds.
``INNER_RULES`` says how the inner tensors of composite layers are rounded, and ``WEIGHT_RULES`` in
``weight_rules`` how weights are.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import tensorflow as tf
import tf_keras as keras

from fqss_tf.errors import FqssError
from fqss_tf.formats import WAVEFORM_SCALE
from fqss_tf.layers.attention import AddPositions, DotProductAttention
from fqss_tf.layers.center import FromMean
from fqss_tf.layers.chunks import ChannelsToSources, OverlapAdd, SplitIntoChunks
from fqss_tf.layers.context import Delay, Lookahead, PastContext, SkipStart
from fqss_tf.layers.elu import ComposedElu
from fqss_tf.layers.fine import STRETCH, CoarsePart, FineProduct, Saturated
from fqss_tf.layers.framing import BlocksToFrames, BlocksToSamples, SamplesToBlocks
from fqss_tf.layers.full_scale import OverBound, TimesBound
from fqss_tf.layers.lstm import BidirectionalLstm
from fqss_tf.layers.norm import ChannelLayerNorm, GlobalLayerNorm, RowLayerNorm
from fqss_tf.layers.phases import PhasesToFrames, PhasesToRows
from fqss_tf.layers.planes import Combiner, Splitter, TakePlane
from fqss_tf.layers.positions import AddFramePositions, AddGridPositions, AddRows
from fqss_tf.layers.prelu import FixedSlopePReLU
from fqss_tf.layers.rectify import Rectify
from fqss_tf.layers.remainder import RemainderDecoder
from fqss_tf.layers.sample_sum import SampleSum
from fqss_tf.layers.shapes import CutTo, FillToMultiple, FromRow, ToRow
from fqss_tf.layers.spectral import (
    ChannelGain,
    ChannelShift,
    JoinLevelled,
    NearestSplitter,
    PhasesToPixels,
    TakeChannels,
)
from fqss_tf.layers.statistics import ItemMean, ItemVariance, ReciprocalRoot
from fqss_tf.layers.stepped_lstm import SteppedLstm
from fqss_tf.quantization.configs import LayerQuantizeConfig
from fqss_tf.quantization.quantizers import (
    ConstantRangeQuantizer,
    InputRangeQuantizer,
    ModalQuantizer,
    PowerOfTwoQuantizer,
    RangeQuantizer,
)
from fqss_tf.quantization.weight_rules import WEIGHT_RULES
from fqss_tf.types import KerasLayer

layers = keras.layers

# A gain or a level of a whole recording, with its square, stays in range so far beyond what was
# seen in calibration.
STATISTIC_MARGIN = 0.3
STATISTICS = (
    "channel_mean", "mean", "energy", "mean_square", "squared_mean", "reciprocal_deviation",
    "channel_gain",
)
GATE_SCALE = 1 / 16  # of 8 bits over [-8, 8), which the integer LSTM divides into 16 bits


@dataclass(frozen=True)
class Condition:
    """What must hold of a layer for a rule; ``text`` says it in the table."""

    text: str
    holds: Callable[[KerasLayer], bool]


@dataclass(frozen=True)
class Output:
    """What rounds an output; ``text`` says it in the table.

    ``make`` takes the layer and the bits, and returns None where another quantizer follows first,
    or the scale of the input is kept.
    """

    text: str
    make: Callable[[KerasLayer, int], ModalQuantizer | None]


@dataclass(frozen=True)
class OutputRule:
    """The output of layers of these types under a condition."""

    types: tuple[type, ...]
    output: Output
    when: Condition | None = None

    def fits(self, layer: KerasLayer) -> bool:
        """Whether the rule is for a connected layer."""
        return isinstance(layer, self.types) and (self.when is None or self.when.holds(layer))


@dataclass(frozen=True)
class InnerRule:
    """The inner tensors of layers of one type, where they are not all trained ranges."""

    type: type
    text: str
    make: Callable[[KerasLayer, int], dict[str, ModalQuantizer]]


def _consumers(layer: KerasLayer) -> list[KerasLayer]:
    return [node.outbound_layer for node in layer.outbound_nodes]


def _producers(layer: KerasLayer) -> list[KerasLayer]:
    return tf.nest.flatten(layer.inbound_nodes[0].inbound_layers)


def _feeds_only(text: str, *types: type) -> Condition:
    return Condition(
        text, lambda layer: all(isinstance(each, types) for each in _consumers(layer))
    )


def _has_activation(name: str) -> Condition:
    function = getattr(keras.activations, name)
    return Condition(f"with {name}", lambda layer: layer.activation is function)


def _is_waveform(layer: KerasLayer) -> bool:
    """Whether the output becomes samples, if later."""
    passing = Delay | SkipStart | layers.Concatenate | PhasesToFrames | PhasesToRows | CutTo
    return any(
        isinstance(consumer, BlocksToSamples | SampleSum | Combiner)
        or isinstance(consumer, passing) and _is_waveform(consumer)
        for consumer in _consumers(layer)
    )


def _is_levelled(layer: KerasLayer) -> bool:
    """Whether the output is joined, if later, with others that have the range of samples."""
    return any(
        isinstance(consumer, JoinLevelled)
        or isinstance(consumer, PhasesToPixels) and _is_levelled(consumer)
        for consumer in _consumers(layer)
    )


def _feeds_remainder(layer: KerasLayer) -> bool:
    """Whether a RemainderDecoder reads the output, beside samples."""
    joining = layers.ZeroPadding2D | PastContext | layers.Concatenate | CoarsePart
    return any(
        isinstance(consumer, RemainderDecoder)
        or isinstance(consumer, joining) and _feeds_remainder(consumer)
        for consumer in _consumers(layer)
    )


def _feeds(text: str, layer_type: type) -> Condition:
    return Condition(
        text, lambda layer: any(isinstance(each, layer_type) for each in _consumers(layer))
    )


def _saturated(layer: KerasLayer, bits: int) -> ModalQuantizer:
    (limit,) = {each.limit for each in _consumers(layer) if isinstance(each, Saturated)}
    return ConstantRangeQuantizer(limit * WAVEFORM_SCALE, bits=bits)


def _is_squared(layer: KerasLayer) -> bool:
    """Whether a norm adds up the squares of the output."""
    return any(
        isinstance(consumer, ItemVariance)
        or isinstance(consumer, FixedSlopePReLU) and _is_squared(consumer)
        for consumer in _consumers(layer)
    )


def _of_sigmoids(layer: KerasLayer) -> bool:
    return all(isinstance(each, layers.Activation) for each in _producers(layer))


def _of_relus(layer: KerasLayer) -> bool:
    return all(
        getattr(each, "activation", None) is keras.activations.relu for each in _producers(layer)
    )


def _leaves_its_range_to_a_prelu(layer: KerasLayer) -> bool:
    computes = layers.Conv2D | layers.DepthwiseConv2D | layers.Add
    return isinstance(layer, computes) and _output(layer, 8) is None


def _margin(layer: KerasLayer) -> float:
    """Room beyond the calibrated range: a statistic of a recording is a few values."""
    return STATISTIC_MARGIN if layer.output_shape[1:3] == (1, 1) else 0.0


def _fixed(text: str, scale: float, zero_point: int, adjustable: bool = True) -> Output:
    def make(layer: KerasLayer, bits: int) -> ModalQuantizer:
        return ConstantRangeQuantizer(scale, zero_point, bits if adjustable else 8)

    return Output(text, make)


OF_THE_INPUT = Output("scale of the input", lambda layer, bits: None)
AS_THE_INPUT = Output(
    "range of the input, nothing is rounded", lambda layer, bits: InputRangeQuantizer(bits)
)
OF_THE_NEXT = Output("none: the next layer's", lambda layer, bits: None)
INSIDE = Output("an inner tensor", lambda layer, bits: None)
OUTSIDE = Output(
    "none: before the integer inputs or behind the outputs, done by the caller",
    lambda layer, bits: None,
)
TRAINED = Output(
    "trained",
    lambda layer, bits: RangeQuantizer(bits, margin=_margin(layer), squared=_is_squared(layer)),
)
NON_NEGATIVE = Output(
    "trained, minimum 0",
    lambda layer, bits: RangeQuantizer(bits, non_negative=True, margin=_margin(layer)),
)
WAVEFORM = _fixed("fixed, 1/128, zero point 0", WAVEFORM_SCALE, 0, adjustable=False)
SIGMOID = _fixed("fixed, 1/256, zero point -128", 1 / 256, -128)
TANH = _fixed("fixed, 1/128, zero point 0", 1 / 128, 0)
BESIDE_SAMPLES = _fixed("fixed, 1/128, zero point 0", WAVEFORM_SCALE, 0)
BEFORE_REMAINDER = Condition("that a RemainderDecoder reads", _feeds_remainder)
BEFORE_SATURATED = _feeds("before Saturated", Saturated)
SATURATED = Output("fixed, its limit / 128, zero point 0", _saturated)

CONVOLUTIONS = (RemainderDecoder, layers.Conv2D, layers.DepthwiseConv2D)
OUTPUT_RULES = (
    OutputRule((Combiner, OverBound, TimesBound), OUTSIDE),
    OutputRule(
        (
            layers.ZeroPadding2D, SamplesToBlocks, BlocksToSamples, TakePlane, PastContext, Delay,
            Lookahead, SkipStart, SplitIntoChunks, layers.Permute, ChannelsToSources,
            BlocksToFrames, TakeChannels, PhasesToPixels, PhasesToRows, PhasesToFrames,
            FillToMultiple, CutTo, ToRow, FromRow, Saturated,
        ),
        OF_THE_INPUT,
    ),
    OutputRule((Splitter,), WAVEFORM),
    OutputRule((NearestSplitter, JoinLevelled), WAVEFORM),
    OutputRule(
        (*CONVOLUTIONS, layers.Add, ChannelShift), WAVEFORM,
        Condition("before JoinLevelled", _is_levelled),
    ),
    OutputRule((SampleSum,), WAVEFORM),
    OutputRule((layers.Conv2D, layers.Add), SATURATED, BEFORE_SATURATED),
    OutputRule(
        (layers.Conv2D, layers.Add), BESIDE_SAMPLES, _feeds("that a CoarsePart reads", CoarsePart)
    ),
    OutputRule(
        CONVOLUTIONS, WAVEFORM, Condition("that become samples (a decoder)", _is_waveform)
    ),
    OutputRule(CONVOLUTIONS, BESIDE_SAMPLES, BEFORE_REMAINDER),
    OutputRule(
        CONVOLUTIONS, OF_THE_NEXT,
        _feeds_only(
            "before Concatenate, ReLU or FixedSlopePReLU only",
            layers.Concatenate, layers.ReLU, FixedSlopePReLU,
        ),
    ),
    OutputRule(CONVOLUTIONS, NON_NEGATIVE, _has_activation("relu")),
    OutputRule(CONVOLUTIONS, TRAINED),
    OutputRule((GlobalLayerNorm, RowLayerNorm, ChannelLayerNorm), TRAINED),
    OutputRule((ItemMean,), TRAINED),
    OutputRule((ItemVariance, ReciprocalRoot), NON_NEGATIVE),
    OutputRule((layers.Activation,), SIGMOID, _has_activation("sigmoid")),
    OutputRule((layers.Activation,), TANH, _has_activation("tanh")),
    OutputRule((layers.Activation,), TRAINED, _has_activation("gelu")),
    OutputRule((layers.Activation,), OF_THE_INPUT, _has_activation("linear")),
    OutputRule((ComposedElu,), TRAINED),
    OutputRule((BidirectionalLstm, SteppedLstm, DotProductAttention), INSIDE),
    OutputRule(
        (OverlapAdd, AddPositions, AddFramePositions, AddGridPositions, AddRows), TRAINED
    ),
    OutputRule((layers.Concatenate,), OF_THE_INPUT, BEFORE_REMAINDER),
    OutputRule((layers.Concatenate,), OF_THE_INPUT, Condition("of samples", _is_waveform)),
    OutputRule((layers.Concatenate,), SIGMOID, Condition("of sigmoids", _of_sigmoids)),
    OutputRule((layers.Concatenate,), NON_NEGATIVE, Condition("of ReLU outputs", _of_relus)),
    OutputRule((layers.Concatenate,), TRAINED),
    OutputRule(
        (FixedSlopePReLU,), INSIDE,
        Condition(
            "behind Conv2D, DepthwiseConv2D or Add without a range of its own",
            lambda layer: _leaves_its_range_to_a_prelu(*_producers(layer)),
        ),
    ),
    OutputRule((FixedSlopePReLU,), TRAINED),
    OutputRule(
        (layers.Add, layers.Multiply), OF_THE_NEXT,
        _feeds_only("before ReLU only", layers.ReLU),  # the runtime fuses the two
    ),
    OutputRule((Rectify,), AS_THE_INPUT),
    OutputRule((FineProduct, CoarsePart), BESIDE_SAMPLES),
    OutputRule((layers.ReLU,), NON_NEGATIVE),
    OutputRule(
        (layers.Add,), OF_THE_NEXT, _feeds_only("before FixedSlopePReLU only", FixedSlopePReLU)
    ),
    OutputRule((layers.Add, layers.Multiply, ChannelShift), BESIDE_SAMPLES, BEFORE_REMAINDER),
    OutputRule(
        (layers.Multiply,), BESIDE_SAMPLES,
        Condition(
            "of a sum before Saturated",
            lambda layer: any(map(BEFORE_SATURATED.holds, _consumers(layer))),
        ),
    ),
    OutputRule(
        (layers.Add, layers.Subtract, layers.Multiply, FromMean, ChannelGain, ChannelShift),
        TRAINED,
    ),
)


def _trained_inner(layer: KerasLayer, bits: int) -> dict[str, ModalQuantizer]:
    # What a norm over channels measures is of each frame: there are many, and some are silent.
    of_recording = () if isinstance(layer, ChannelLayerNorm) else STATISTICS
    return {
        name: RangeQuantizer(
            bits, name in layer.non_negative_tensors, name,
            STATISTIC_MARGIN if name in of_recording else 0.0,
            name == "centred" or name == "value" and _is_squared(layer),
        )
        for name in layer.inner_tensors
    }


def _lstm_inner(layer: KerasLayer, bits: int) -> dict[str, ModalQuantizer]:
    # The integer kernel has 16 bits for gates and cell, whatever the rest has.
    return {
        "gates": ConstantRangeQuantizer(GATE_SCALE, bits=16),
        "cell": PowerOfTwoQuantizer(name="cell"),
        "hidden": RangeQuantizer(bits, name="hidden"),
    }


def _stepped_lstm_inner(layer: KerasLayer, bits: int) -> dict[str, ModalQuantizer]:
    fixed = {
        "opened": ConstantRangeQuantizer(1 / 256, -128, bits),
        "squashed": ConstantRangeQuantizer(1 / 128, bits=bits),
    }
    return {name: RangeQuantizer(bits, name=name) for name in layer.inner_tensors} | fixed


def _attention_inner(layer: KerasLayer, bits: int) -> dict[str, ModalQuantizer]:
    softmax = ConstantRangeQuantizer(1 / 256, -128, bits)
    inner = {name: RangeQuantizer(bits, name=name) for name in layer.inner_tensors}
    return inner | {"attention": softmax}


def _prelu_inner(layer: KerasLayer, bits: int) -> dict[str, ModalQuantizer]:
    inner = _trained_inner(layer, bits)
    if not _leaves_its_range_to_a_prelu(*_producers(layer)):
        del inner["value"]  # the layer before has rounded the input
    return inner


def _elu_inner(layer: KerasLayer, bits: int) -> dict[str, ModalQuantizer]:
    return {
        "positive": InputRangeQuantizer(bits), "negative": InputRangeQuantizer(bits),
        "exponential": ConstantRangeQuantizer(1 / 255, -128, bits),
        "below": ConstantRangeQuantizer(1 / 255, 127, bits),
    }


INNER_RULES = (
    InnerRule(
        ComposedElu,
        "positive, negative: range of the input; exponential, and less 1: fixed, 1/255",
        _elu_inner,
    ),
    InnerRule(
        FineProduct, "stretched: range of the first input, so many times as large",
        lambda layer, bits: {"stretched": InputRangeQuantizer(bits, factor=STRETCH)},
    ),
    InnerRule(
        CoarsePart, "fixed, 1/128, zero point 0",
        lambda layer, bits: {
            name: ConstantRangeQuantizer(WAVEFORM_SCALE, bits=bits)
            for name in layer.inner_tensors
        },
    ),
    InnerRule(
        SteppedLstm,
        "gates, cell, hidden: trained, for both directions; sigmoid: fixed, 1/256, zero point "
        "-128; tanh: fixed, 1/128, zero point 0",
        _stepped_lstm_inner,
    ),
    InnerRule(
        BidirectionalLstm,
        "hidden: trained, for both directions; gates: 16 bits, 1/4096; cell: 16 bits, calibrated "
        "power of two",
        _lstm_inner,
    ),
    InnerRule(
        DotProductAttention,
        "scores, context: trained; softmax: fixed, 1/256, zero point -128",
        _attention_inner,
    ),
    InnerRule(
        FixedSlopePReLU,
        "one range for input and output; what is added: trained, minimum 0",
        _prelu_inner,
    ),
)


def quantize_config(layer: KerasLayer, bits: int = 8) -> LayerQuantizeConfig:
    """Returns the quantizers of a layer.

    Args:
        layer: a layer of the model, already connected.
        bits: of everything but the waveforms; 8 is what runs in integers.

    Raises:
        FqssError: no rule is for this layer. Silence would mean float ops.
    """
    return LayerQuantizeConfig(_weights(layer, bits), _inner(layer, bits), _output(layer, bits))


def _rule(layer: KerasLayer) -> OutputRule:
    for rule in OUTPUT_RULES:
        if rule.fits(layer):
            return rule
    raise FqssError(
        f"no quantizers are known for layer {layer.name} of type {type(layer).__name__}: this "
        "network trains (qat.steps=0) and converts (--type float32) in float only"
    )


def _output(layer: KerasLayer, bits: int) -> ModalQuantizer | None:
    return _rule(layer).output.make(layer, bits)


def _weights(layer: KerasLayer, bits: int) -> Mapping[str, ModalQuantizer]:
    rule = next((rule for rule in WEIGHT_RULES if isinstance(layer, rule.type)), None)
    return rule.make(layer, bits) if rule else {}


def _inner(layer: KerasLayer, bits: int) -> dict[str, ModalQuantizer]:
    for rule in INNER_RULES:
        if isinstance(layer, rule.type):
            return rule.make(layer, bits)
    return _trained_inner(layer, bits) if hasattr(layer, "inner_tensors") else {}
