"""Which quantizers a layer has, decided from its type alone, in one table."""

import tensorflow as tf
import tf_keras as keras

import tensorflow_model_optimization as tfmot  # isort: skip  (needs tf_keras first)

from fqss_tf.errors import FqssError
from fqss_tf.layers.attention import AddPositions, DotProductAttention
from fqss_tf.layers.chunks import ChannelsToSources, OverlapAdd, SplitIntoChunks
from fqss_tf.layers.context import Delay, Lookahead, PastContext, SkipStart
from fqss_tf.layers.framing import BlocksToSamples, SamplesToBlocks
from fqss_tf.layers.lstm import DIRECTIONS, BidirectionalLstm
from fqss_tf.layers.norm import ChannelLayerNorm, GlobalLayerNorm, RowLayerNorm
from fqss_tf.layers.planes import Combiner, Splitter, TakePlane
from fqss_tf.layers.prelu import FixedSlopePReLU
from fqss_tf.layers.statistics import ItemMean, ItemVariance, ReciprocalRoot
from fqss_tf.quantization.quantizers import (
    ConstantRangeQuantizer,
    PowerOfTwoQuantizer,
    RangeQuantizer,
    WeightQuantizer,
)

layers = keras.layers
WAVEFORM_SCALE = 1 / 128
# A gain or a level of a whole recording, with its square, stays in range so far beyond what was
# calibrated.
STATISTIC_MARGIN = 0.3
STATISTICS = (
    "channel_mean", "mean", "energy", "mean_square", "squared_mean", "reciprocal_deviation",
    "channel_gain",
)
GATE_STEPS = 1 / 16  # of 8 bits over [-8, 8), which the integer LSTM divides into 16 bits
# Ops that keep the scale of their input, and the step behind the integer outputs.
WITHOUT_QUANTISER = (
    layers.ZeroPadding2D, SamplesToBlocks, BlocksToSamples, TakePlane, PastContext, Delay,
    Lookahead, SkipStart, Combiner, SplitIntoChunks, layers.Permute, ChannelsToSources,
)


class LayerQuantizeConfig(tfmot.quantization.keras.QuantizeConfig):
    """Quantizers of one layer: its weights by attribute name, its inner tensors, its output.

    Args:
        weights: attribute name of the layer -> quantizer.
        inner: name of the inner tensor -> quantizer, for composite layers.
        output: quantizer of the output, or None if another layer's quantizer follows first.
    """

    def __init__(self, weights=None, inner=None, output=None):
        self.weights = weights or {}
        self.inner = inner or {}
        self.output = output

    def get_weights_and_quantizers(self, layer):
        return [(getattr(layer, name), quantizer) for name, quantizer in self.weights.items()]

    def set_quantize_weights(self, layer, quantize_weights):
        for name, value in zip(self.weights, quantize_weights, strict=True):
            setattr(layer, name, value)

    def get_activations_and_quantizers(self, layer):
        return [
            (layer.inner_activations[name], quantizer) for name, quantizer in self.inner.items()
        ]

    def set_quantize_activations(self, layer, quantize_activations):
        if self.inner:
            layer.quantized = True
            layer.inner_activations = dict(zip(self.inner, quantize_activations, strict=True))

    def get_output_quantizers(self, layer):
        return [self.output] if self.output else []

    def get_config(self):
        serialize = keras.utils.legacy.serialize_keras_object
        return {
            "weights": {name: serialize(item) for name, item in self.weights.items()},
            "inner": {name: serialize(item) for name, item in self.inner.items()},
            "output": serialize(self.output) if self.output else None,
        }

    @classmethod
    def from_config(cls, config):
        restore = keras.utils.legacy.deserialize_keras_object
        return cls(
            {name: restore(item) for name, item in config["weights"].items()},
            {name: restore(item) for name, item in config["inner"].items()},
            restore(config["output"]) if config["output"] else None,
        )

    def quantizers(self):
        """All quantizers of the layer."""
        outputs = [self.output] if self.output else []
        return [*self.weights.values(), *self.inner.values(), *outputs]


CUSTOM_OBJECTS = {
    kind.__name__: kind
    for kind in (
        ConstantRangeQuantizer, LayerQuantizeConfig, PowerOfTwoQuantizer, RangeQuantizer,
        WeightQuantizer,
    )
}


def quantize_config(layer, bits=8):
    """The LayerQuantizeConfig of a layer.

    Args:
        layer: a layer of the model, already connected.
        bits: of everything but the waveforms; 8 is what runs in integers.

    Raises:
        FqssError: the table has no entry for this type of layer. Silence would mean float ops.
    """
    if isinstance(layer, WITHOUT_QUANTISER):
        return LayerQuantizeConfig()
    if isinstance(layer, Splitter):
        return LayerQuantizeConfig(output=ConstantRangeQuantizer(WAVEFORM_SCALE))
    if isinstance(layer, layers.DepthwiseConv2D):
        return LayerQuantizeConfig(
            {"depthwise_kernel": WeightQuantizer(bits, channel_axis=-2)},
            output=_convolution_output(layer, bits),
        )
    if isinstance(layer, layers.Conv2D):
        return LayerQuantizeConfig(
            {"kernel": WeightQuantizer(bits)}, output=_convolution_output(layer, bits)
        )
    if isinstance(layer, GlobalLayerNorm | RowLayerNorm | ChannelLayerNorm):
        weights = {
            name: WeightQuantizer(bits, channel_axis=None) for name in ("gamma", "beta")
        }
        return LayerQuantizeConfig(weights, _inner(layer, bits), RangeQuantizer(bits))
    if isinstance(layer, ItemMean):
        return LayerQuantizeConfig(inner=_inner(layer, bits), output=_range(layer, bits))
    if isinstance(layer, ItemVariance | ReciprocalRoot):
        inner = _inner(layer, bits) if isinstance(layer, ItemVariance) else {}
        return LayerQuantizeConfig(inner=inner, output=_range(layer, bits, non_negative=True))
    if isinstance(layer, layers.Activation) and layer.activation is keras.activations.sigmoid:
        return LayerQuantizeConfig(output=ConstantRangeQuantizer(1 / 256, -128, bits))
    if isinstance(layer, layers.Activation) and layer.activation is keras.activations.tanh:
        return LayerQuantizeConfig(output=ConstantRangeQuantizer(1 / 128, 0, bits))
    if isinstance(layer, BidirectionalLstm):
        return _lstm(bits)
    if isinstance(layer, DotProductAttention):
        softmax = ConstantRangeQuantizer(1 / 256, -128, bits)
        inner = {name: RangeQuantizer(bits, name=name) for name in layer.inner_tensors}
        return LayerQuantizeConfig(inner=inner | {"attention": softmax})
    if isinstance(layer, OverlapAdd | AddPositions):
        return LayerQuantizeConfig(inner=_inner(layer, bits), output=RangeQuantizer(bits))
    if isinstance(layer, layers.Activation) and layer.activation is keras.activations.linear:
        return LayerQuantizeConfig()
    if isinstance(layer, layers.Concatenate):
        return LayerQuantizeConfig(output=_concatenation_output(layer, bits))
    if isinstance(layer, FixedSlopePReLU):
        return _prelu(layer, bits)
    if isinstance(layer, layers.Add | layers.Multiply) and _feeds_only(layer, layers.ReLU):
        return LayerQuantizeConfig()  # the runtime fuses the two
    if isinstance(layer, layers.ReLU):
        return LayerQuantizeConfig(output=RangeQuantizer(bits, non_negative=True))
    if isinstance(layer, layers.Add) and _feeds_only(layer, FixedSlopePReLU):
        return LayerQuantizeConfig()  # the range of what follows
    plain = layers.Add | layers.Subtract | layers.Multiply
    if isinstance(layer, plain):
        return LayerQuantizeConfig(output=_range(layer, bits))
    raise FqssError(
        f"no quantizers are known for layer {layer.name} of type {type(layer).__name__}: this "
        "network trains (qat.steps=0) and converts (--type float32) in float only"
    )


def _lstm(bits):
    weights = {
        f"{direction}_{name}": WeightQuantizer(bits, groups=4)
        for direction in DIRECTIONS
        for name in ("kernel", "recurrent_kernel")
    }
    # The integer kernel has 16 bits for gates and cell, whatever the rest has.
    inner = {
        "gates": ConstantRangeQuantizer(GATE_STEPS, bits=16),
        "cell": PowerOfTwoQuantizer(name="cell"),
        "hidden": RangeQuantizer(bits, name="hidden"),
    }
    return LayerQuantizeConfig(weights, inner)


def _prelu(layer, bits):
    """One range for input and output, where the layer before leaves its output to that."""
    source = layer.inbound_nodes[0].inbound_layers
    inner = _inner(layer, bits)
    computes = layers.Conv2D | layers.DepthwiseConv2D | layers.Add
    if isinstance(source, computes) and quantize_config(source, bits).output is None:
        return LayerQuantizeConfig(inner=inner)
    del inner["value"]
    return LayerQuantizeConfig(inner=inner, output=RangeQuantizer(bits))


def _consumers(layer):
    return [node.outbound_layer for node in layer.outbound_nodes]


def _feeds_only(layer, kinds):
    return all(isinstance(consumer, kinds) for consumer in _consumers(layer))


def _is_waveform(layer):
    """Whether the output becomes samples, if later."""
    return any(
        isinstance(consumer, BlocksToSamples)
        or isinstance(consumer, Delay | SkipStart) and _is_waveform(consumer)
        for consumer in _consumers(layer)
    )


def _inner(layer, bits):
    # What a norm over channels measures is of each frame: there are many, and some are silent.
    of_recording = () if isinstance(layer, ChannelLayerNorm) else STATISTICS
    return {
        name: RangeQuantizer(
            bits, name in layer.non_negative_tensors, name,
            STATISTIC_MARGIN if name in of_recording else 0.0,
        )
        for name in layer.inner_tensors
    }


def _convolution_output(layer, bits):
    if _is_waveform(layer):
        return ConstantRangeQuantizer(WAVEFORM_SCALE)
    if _feeds_only(layer, layers.Concatenate | layers.ReLU | FixedSlopePReLU):
        return None  # a concatenation has one scale, as a PReLU has; a ReLU is fused
    return _range(layer, bits, non_negative=layer.activation is keras.activations.relu)


def _range(layer, bits, non_negative=False):
    """The trained range of a layer's output."""
    is_statistic = layer.output_shape[1:3] == (1, 1)
    return RangeQuantizer(
        bits, non_negative, margin=STATISTIC_MARGIN if is_statistic else 0.0
    )


def _concatenation_output(layer, bits):
    inputs = tf.nest.flatten(layer.inbound_nodes[0].inbound_layers)
    if all(isinstance(item, layers.Activation) for item in inputs):
        return ConstantRangeQuantizer(1 / 256, -128, bits)
    relu = all(getattr(item, "activation", None) is keras.activations.relu for item in inputs)
    return RangeQuantizer(bits, non_negative=relu)
