"""The streaming model of a causal network: a few blocks in and out, its memory as tensors.

Its layers are those of the whole-recording network, with the same weights and quantizers. Only
``fqss_tf.layers.context`` differs: where that begins with zeros, the streaming model reads a
state, and gives back the last frames as the state of the next step.
"""

from collections.abc import Iterator

import tensorflow as tf

from fqss_tf.export.graphs import (
    make_converter,
    mixture_spec,
    run_int8_converter,
    waveform_planes,
)
from fqss_tf.layers.context import Delay, Lookahead, PastContext, SkipStart
from fqss_tf.layers.planes import Combiner
from fqss_tf.quantization.bias import output_quantizer, quantized_source
from fqss_tf.types import KerasLayer, KerasModel, Tensor


@tf.autograph.experimental.do_not_convert
def convert_streaming(
    model: KerasModel, samples: int, input_planes: int, output_planes: int
) -> bytes:
    """Returns the fully integer step .tflite of a causal quantized Keras model.

    Inputs are ``mixture`` and the states, outputs ``stage_0``, ``stage_1``... and the states of the
    next step, each under the name of its input, with the same shape, scale and zero point.

    Args:
        model: quantized, in mode ``deploy``.
        samples: of a step, a multiple of the hop.
        input_planes: of the model.
        output_planes: of the model.
    """
    states = _state_specs(model, samples)

    def graph(mixture: Tensor, *values: Tensor) -> dict[str, Tensor]:
        return _step(model, mixture, dict(zip(states, values, strict=True)), output_planes)

    converter = make_converter(graph, mixture_spec((1, 1, samples, input_planes)), *states.values())
    return run_int8_converter(converter)


def state_names(model: KerasModel) -> list[str]:
    """Returns the names of a streaming model's states, in the order of computation."""
    return [
        layer.name
        for layer in _layers_behind_splitter(model)
        if isinstance(layer.layer, PastContext | Delay)
    ]


def _step(
    model: KerasModel, mixture: Tensor, states: dict[str, Tensor], output_planes: int
) -> dict[str, Tensor]:
    values = {"splitter": waveform_planes(mixture)}
    next_states: dict[str, Tensor] = {}
    for layer in _layers_behind_splitter(model):
        inputs = [values[source.name] for source in _sources(layer)]
        kind = layer.layer
        if isinstance(kind, PastContext | Delay):
            past = _quantized_like_source(states[layer.name], layer)
            joined = tf.concat([past, *inputs], axis=2)
            next_states[layer.name] = joined[:, :, -kind.frames :]
            if isinstance(kind, Delay):
                joined = joined[:, :, : -kind.frames]
            values[layer.name] = joined
        elif isinstance(kind, Lookahead | SkipStart):
            (values[layer.name],) = inputs
        else:
            values[layer.name] = layer(inputs if len(inputs) > 1 else inputs[0], training=False)
    outputs = {f"stage_{plane}": values[f"stage_{plane}"] for plane in range(output_planes)}
    return outputs | next_states


def _layers_behind_splitter(model: KerasModel) -> Iterator[KerasLayer]:
    """In the order of computation: Keras lists a functional model's layers so."""
    for layer in model.layers:
        inner = getattr(layer, "layer", None)
        if inner is not None and layer.name != "splitter" and not isinstance(inner, Combiner):
            yield layer


def _sources(layer: KerasLayer) -> list[KerasLayer]:
    return tf.nest.flatten(layer.inbound_nodes[0].inbound_layers)


def _quantized_like_source(state: Tensor, layer: KerasLayer) -> Tensor:
    """A state is on the grid of what its layer reads, so that joining them rounds nothing."""
    quantizer, variables = output_quantizer(quantized_source(layer))
    return quantizer(state, False, variables)


def _state_specs(model: KerasModel, samples: int) -> dict[str, tf.TensorSpec]:
    """Name -> tf.TensorSpec of each state, from one pass over a step of the right shape."""
    specs: dict[str, tf.TensorSpec] = {}
    planes = model.get_layer("splitter").output.shape[-1]
    shapes = {"splitter": tf.TensorShape([1, 1, samples, planes])}
    for layer in _layers_behind_splitter(model):
        inputs = [shapes[source.name] for source in _sources(layer)]
        kind = layer.layer
        shape = inputs[0]
        if isinstance(kind, PastContext | Delay):
            kept = [1, shape[1], kind.frames, shape[3]]
            specs[layer.name] = tf.TensorSpec(kept, tf.float32, name=layer.name)
        if isinstance(kind, Delay | Lookahead | SkipStart):
            shapes[layer.name] = shape
        else:
            shapes[layer.name] = kind.compute_output_shape(inputs if len(inputs) > 1 else shape)
    return specs
