"""Biases on the grid that the integer kernels have for them."""

from collections.abc import Mapping

import numpy as np
import tf_keras as keras
from numpy.typing import NDArray

from fqss_tf.quantization.quantizers import ModalQuantizer
from fqss_tf.types import FloatArray, KerasLayer, KerasModel, Tensor

import tensorflow_model_optimization as tfmot  # isort: skip  (needs tf_keras first)

from fqss_tf.layers.attention import DotProductAttention
from fqss_tf.layers.lstm import DIRECTIONS, BidirectionalLstm
from fqss_tf.layers.prelu import FixedSlopePReLU

Wrapper = tfmot.quantization.keras.QuantizeWrapperV2
CONVOLUTIONS = (keras.layers.Conv2D, keras.layers.DepthwiseConv2D)  # neither is of the other's type
# In steps: an int32 holds a bias and the products that are added to it.
LARGEST_BIAS = 2**30
# Layers whose output is an inner tensor in another shape.
OUTPUTS = {BidirectionalLstm: "hidden", DotProductAttention: "context", FixedSlopePReLU: "value"}


def snap_biases(model: KerasModel) -> None:
    """Rounds the biases of a quantized model to multiples of input scale times weight scale.

    Convolutions and LSTMs have biases. The integer kernels store them so. Left out of the
    simulation, the rounding would move about one output in a hundred by one step, the largest
    difference between simulation and integers.
    """
    for layer in model.layers:
        if is_biased_convolution(layer):
            ((_, weight_quantizer, weight_variables),) = layer._weight_vars
            _snap(layer.layer.bias, input_scale(layer) * weight_quantizer.scale(weight_variables))
        if isinstance(layer, Wrapper) and isinstance(layer.layer, BidirectionalLstm):
            for direction in DIRECTIONS:
                bias = getattr(layer.layer, f"{direction}_bias")
                _, scales = integer_weight(layer, f"{direction}_kernel")
                _snap(bias, np.repeat(input_scale(layer) * scales, bias.shape[0] // len(scales)))


def make_room_for_biases(model: KerasModel) -> None:
    """Widens the ranges of kernels whose channels are too small for their biases.

    A bias is in steps of input scale times weight scale. Where a channel of the kernel is nearly 0,
    an int32 would not hold them.
    """
    for layer in model.layers:
        if is_biased_convolution(layer):
            ((_, weight_quantizer, weight_variables),) = layer._weight_vars
            least = np.abs(layer.layer.bias.numpy()) / (LARGEST_BIAS / 2 * input_scale(layer))
            weight_quantizer.widen(weight_variables, least)


def is_biased_convolution(layer: KerasLayer) -> bool:
    """Whether a layer is a wrapped convolution that has a bias."""
    return (
        isinstance(layer, Wrapper) and isinstance(layer.layer, CONVOLUTIONS)
        and layer.layer.use_bias
    )


def _snap(bias: Tensor, scale: FloatArray | float) -> None:
    scale = np.maximum(scale, 1e-30)
    steps = np.clip(np.round(bias.numpy() / scale), -LARGEST_BIAS, LARGEST_BIAS)
    bias.assign(steps * scale)


def integer_weight(layer: KerasLayer, name: str) -> tuple[NDArray[np.int8], FloatArray]:
    """A weight of a wrapped layer as its integers and their scales.

    Args:
        layer: wrapped, in mode ``quantize`` or ``deploy``.
        name: attribute of the layer inside.

    Returns:
        (int8 array of the weight's shape, scales).
    """
    position = list(layer.quantize_config.weights).index(name)
    weight, quantizer, variables = layer._weight_vars[position]
    scales = quantizer.scale(variables)
    steps = np.repeat(scales, weight.shape[-1] // len(scales))
    rounded = quantizer(weight, training=False, weights=variables).numpy()
    return np.round(rounded / steps).astype(np.int8), scales


def input_scale(layer: KerasLayer) -> float:
    """The scale of the integer tensor that a wrapped layer reads."""
    quantizer, variables = output_quantizer(quantized_source(layer))
    return quantizer.scale(variables)


def output_quantizer(layer: KerasLayer) -> tuple[ModalQuantizer, Mapping[str, Tensor]]:
    """(quantizer, its variables) of the integer tensor that a wrapped layer makes."""
    if inner := _inner_output(layer):
        quantizer = layer.quantize_config.inner[inner]
        return quantizer, quantizer.variables
    return layer._output_quantizers[0], layer._output_quantizer_vars


def quantized_source(layer: KerasLayer) -> KerasLayer:
    """The wrapped layer whose quantizer made the integer tensor that a layer reads first."""
    source = _first_input(layer)
    while not _makes_integers(source):
        source = _first_input(source)
    return source


def _first_input(layer: KerasLayer) -> KerasLayer:
    # A layer that keeps the scale of its input may look at the shape of another.
    inputs = layer.inbound_nodes[0].inbound_layers
    return inputs[0] if isinstance(inputs, list) else inputs


def _makes_integers(layer: KerasLayer) -> bool:
    return isinstance(layer, Wrapper) and bool(layer._output_quantizers or _inner_output(layer))


def _inner_output(layer: KerasLayer) -> str | None:
    """The name of the inner tensor that is the output of a wrapped layer; None for most."""
    names = (name for kind, name in OUTPUTS.items() if isinstance(layer.layer, kind))
    return next((name for name in names if name in layer.quantize_config.inner), None)


def inner_scale(layer: KerasLayer, name: str) -> float:
    """The scale of an inner tensor of a wrapped layer."""
    quantizer = layer.quantize_config.inner[name]
    return quantizer.scale(quantizer.variables)
