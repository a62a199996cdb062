"""Biases that make up for the mean error of quantization.

This is the empirical bias correction of Nagel et al. 2019.
"""

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import tensorflow as tf
import tf_keras as keras

from fqss_tf.quantization.bias import Wrapper, is_biased_convolution
from fqss_tf.types import KerasLayer, KerasModel, NetworkInputs, Tensor


def correct_biases(model: KerasModel, mixtures: Sequence[NetworkInputs]) -> int:
    """Takes from each convolution's bias what quantization adds to its mean output, by channel.

    Layer by layer in the order of the graph, so that each sees what the corrected ones before it
    give. A convolution without a bias is left alone, and the next one that has one makes up for
    it. The error is that before the activation.

    Args:
        model: quantized, with calibrated ranges, in mode ``quantize``; changed in place.
        mixtures: list of what the model takes, such as float32 [B, 1, T, 1]; all are kept in
            memory, with a few tensors of each.

    Returns:
        The number of convolutions that were corrected.
    """
    entries = [tensor.node.layer.name for tensor in tf.nest.flatten(model.inputs)]
    sources = {
        layer.name: [tensor.node.layer.name for tensor in layer.inbound_nodes[0].keras_inputs]
        for layer in model.layers
    }
    last_use = {source: name for name, each in sources.items() for source in each}
    exact, rounded, corrected = {}, {}, 0
    for layer in model.layers:
        name = layer.name
        if isinstance(layer, keras.layers.InputLayer):
            place = entries.index(name)
            exact[name] = rounded[name] = [
                tf.constant(tf.nest.flatten(mixture)[place]) for mixture in mixtures
            ]
            continue
        inputs = [_inputs(values, sources[name]) for values in (exact, rounded)]
        if is_biased_convolution(layer):
            exact[name], rounded[name] = _corrected(layer, *inputs)
            corrected += 1
        else:
            with _mode(layer, "calibrate"):
                exact[name] = [layer(each, training=False) for each in inputs[0]]
            rounded[name] = [layer(each, training=False) for each in inputs[1]]
        for source in sources[name]:
            if last_use[source] == name:
                exact.pop(source, None)
                rounded.pop(source, None)
    return corrected


def _corrected(
    layer: KerasLayer, exact: list[Tensor], rounded: list[Tensor]
) -> tuple[list[Tensor], list[Tensor]]:
    """Outputs for exact and for rounded inputs, the latter with the bias that is right for them."""
    convolution = layer.layer
    activation, convolution.activation = convolution.activation, keras.activations.linear
    try:
        with _mode(layer, "calibrate"):
            exact = [layer(each, training=False) for each in exact]
        with _mode(layer.quantize_config.output, "calibrate"):
            rounded = [layer(each, training=False) for each in rounded]
    finally:
        convolution.activation = activation
    error = _mean(rounded) - _mean(exact)
    convolution.bias.assign_sub(error)
    exact = [activation(each) for each in exact]
    rounded = [activation(each - error) for each in rounded]
    if layer._output_quantizers:
        (quantizer,), variables = layer._output_quantizers, layer._output_quantizer_vars
        rounded = [quantizer(each, training=False, weights=variables) for each in rounded]
    return exact, rounded


def _inputs(values: Mapping[str, list[Tensor]], sources: list[str]) -> list[Tensor]:
    """The inputs of a layer for each batch: a tensor, or a list of them."""
    batches = zip(*(values[source] for source in sources), strict=True)
    return [each[0] if len(each) == 1 else list(each) for each in batches]


def _mean(batches: list[Tensor]) -> Tensor:
    """Mean of each channel over batches, [C]."""
    count = sum(int(np.prod(each.shape[:-1])) for each in batches)
    return sum(tf.reduce_sum(each, axis=[0, 1, 2]) for each in batches) / count


@contextlib.contextmanager
def _mode(switched: Any, mode: str) -> Iterator[None]:
    """Switches the quantizers of a layer, one quantizer, or nothing, for a while."""
    if isinstance(switched, Wrapper):
        parts = [*switched.quantize_config.quantizers(), switched.layer]
    else:
        parts = [switched]
    parts = [part for part in parts if hasattr(part, "mode")]
    before = [part.mode for part in parts]
    for part in parts:
        part.mode = mode
    try:
        yield
    finally:
        for part, former in zip(parts, before, strict=True):
            part.mode = former
