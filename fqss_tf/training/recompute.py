"""A network whose gradient computes it once more, in segments, instead of keeping every tensor.

Of the forward pass only the tensors between segments are kept. The gradient of a segment computes
its inside again, from the same inputs and therefore with the same values. That costs a forward pass
in time and saves most of the memory (Chen et al. 2016, "sublinear memory cost").
"""

import dataclasses
import inspect
import math
from collections.abc import Sequence

import tensorflow as tf
import tf_keras as keras

from fqss_tf.types import KerasLayer, KerasModel, Tensor

# The segments tried: at most this share of a network's values inside one.
SHARES = [2.0**-power for power in range(8)]


@dataclasses.dataclass(frozen=True)
class Segment:
    """Layers in the order of computation; keys of the tensors that enter and leave it."""

    layers: tuple[KerasLayer, ...]
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]

    def __call__(self, *values: Tensor, training: bool) -> list[Tensor]:
        """Computes the tensors that leave, for ``values`` of those that enter."""
        tensors = dict(zip(self.inputs, values, strict=True))
        for layer in self.layers:
            arguments = tf.nest.map_structure(lambda item: tensors[id(item)], layer.input)
            mode = {"training": training} if _knows_training(layer) else {}
            tensors[id(layer.output)] = layer(arguments, **mode)
        return [tensors[key] for key in self.outputs]


class Recomputed:
    """Calls a functional Keras model as the model does; its gradient recomputes segments.

    Only inside of a ``tf.function``: in eager mode every tensor is kept as ever.

    Args:
        model: functional, each layer called once. Nothing in it is random, and no call updates
            statistics, which would be done twice. Not tested with loops, as an LSTM has.
    """

    def __init__(self, model: KerasModel) -> None:
        self._input, self._output = id(model.input), id(model.output)
        self.segments = segments(model)

    def __call__(self, inputs: Tensor, training: bool = False) -> Tensor:
        """Computes the model's output for its input."""
        tensors = {self._input: inputs}
        for segment in self.segments:
            def compute(*values: Tensor, segment: Segment = segment) -> list[Tensor]:
                return segment(*values, training=training)

            # The gradient begins with the last segment, so its tensors may as well be kept.
            if segment is not self.segments[-1]:
                compute = tf.recompute_grad(compute)
            values = compute(*(tensors[key] for key in segment.inputs))
            tensors |= zip(segment.outputs, values, strict=True)
        return tensors[self._output]


def segments(model: KerasModel) -> list[Segment]:
    """Cuts a model into segments that make its gradient need the least memory, about."""
    layers = _in_order(model)
    last_uses = {id(model.output): len(layers)}
    for position, layer in enumerate(layers):
        for item in tf.nest.flatten(layer.input):
            last_uses[id(item)] = max(position, last_uses.get(id(item), 0))
    outputs = [id(layer.output) for layer in layers]
    sizes = [_size(layer.output.shape) for layer in layers]
    borders = _borders(sizes, [last_uses[key] for key in outputs])
    found = []
    for start, end in zip([0, *borders], [*borders, len(layers)], strict=True):
        inside = set(outputs[start:end])
        entering = {
            id(item): None for layer in layers[start:end] for item in tf.nest.flatten(layer.input)
            if id(item) not in inside
        }
        leaving = [key for key in outputs[start:end] if last_uses[key] >= end]
        found.append(Segment(tuple(layers[start:end]), tuple(entering), tuple(leaving)))
    return found


def _in_order(model: KerasModel) -> list[KerasLayer]:
    """The layers but the input, each as soon as something needs it: depth first.

    Keras sorts layers by their distance from the output instead, so that all skip connections of a
    network would be computed last, and their inputs be alive until then.
    """
    makers = {id(layer.output): layer for layer in model.layers}
    ordered: list[KerasLayer] = []
    seen: set[int] = set()
    waiting = [(id(model.output), False)]
    while waiting:
        key, inputs_done = waiting.pop()
        layer = makers[key]
        if inputs_done:
            ordered.append(layer)
        elif key not in seen:
            seen.add(key)
            if isinstance(layer, keras.layers.InputLayer):
                continue
            waiting.append((key, True))
            waiting += [(id(item), False) for item in reversed(tf.nest.flatten(layer.input))]
    return ordered


def _borders(sizes: Sequence[int], last_uses: Sequence[int]) -> list[int]:
    """Positions of the layers that begin a segment, but for the first.

    Args:
        sizes: of each layer's output.
        last_uses: position of the last layer that reads it.
    """
    best = math.inf
    found: list[int] = []
    for share in SHARES:
        kept, borders = _cheapest(sizes, last_uses, share * sum(sizes))
        ends = [*borders, len(sizes)]
        inside = max(
            sum(sizes[start:end]) for start, end in zip([0, *borders], ends, strict=True)
        )
        # While a segment's gradient is computed, there are its tensors and gradients of them.
        if kept + 2 * inside < best:
            best, found = kept + 2 * inside, borders
    return found


def _cheapest(
    sizes: Sequence[int], last_uses: Sequence[int], limit: float
) -> tuple[float, list[int]]:
    """The segments of at most ``limit`` values that keep the least.

    A segment of one layer may be larger.

    Returns:
        (values kept between segments, borders).
    """
    costs, starts = [0.0], [0]  # of the first 0, 1, 2.. layers: what is kept, the last segment
    for end in range(1, len(sizes) + 1):
        costs.append(math.inf)
        starts.append(end - 1)
        inside = kept = 0
        for start in range(end - 1, -1, -1):
            inside += sizes[start]
            if inside > limit and start < end - 1:
                break
            if last_uses[start] >= end:
                kept += sizes[start]
            if costs[start] + kept <= costs[end]:
                costs[end], starts[end] = costs[start] + kept, start
    borders: list[int] = []
    end = len(sizes)
    while starts[end] > 0:
        end = starts[end]
        borders.insert(0, end)
    return costs[-1], borders


def _size(shape: Sequence[int | None]) -> int:
    """Values of a tensor of static shape, per item and unknown length."""
    return math.prod(size for size in shape if size is not None)


def _knows_training(layer: KerasLayer) -> bool:
    return "training" in inspect.signature(layer.call).parameters
