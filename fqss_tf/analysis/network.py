"""A Keras network whose tensors are quantized one by one, or in any combination."""

from collections.abc import Collection, Container, Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import tensorflow as tf
import tf_keras as keras
from numpy.typing import NDArray

import tensorflow_model_optimization as tfmot  # isort: skip  (needs tf_keras first)

from fqss_tf.layers.planes import Splitter
from fqss_tf.quantization import wrap
from fqss_tf.quantization.quantizers import InputRangeQuantizer, ModalQuantizer
from fqss_tf.types import KerasLayer, KerasModel, Variable
from fqss_tf.types import Tensor as TfTensor

KINDS = ("input", "output", "weight", "activation")
# Rounding is off by half a step at most: whatever is further off was cut off by the range.
MOST_ROUNDING = 0.501


@dataclass(frozen=True)
class Tensor:
    """A quantized tensor of the network.

    ``kind`` is one of ``KINDS``; ``place`` is the layer that makes or holds it. The planes of a
    split waveform have one name, because they are one input or one output.
    """

    name: str
    kind: str
    place: str
    quantizer: ModalQuantizer
    variables: dict[str, Variable] | None = None
    weight: Variable | None = None


class QuantizedParts:
    """Runs a quantized model, with calibrated ranges, with only some of its tensors quantized.

    Layers run one by one, and only those behind a quantized tensor: what is before it is as in the
    float pass. Nothing is traced, so that any choice of tensors and bits costs no more than that.
    Keras takes about a millisecond a layer: several mixtures at once share it.

    Args:
        model: from ``Run.calibrated_model``; its quantizers are switched here.
    """

    def __init__(self, model: KerasModel) -> None:
        wrap.set_mode(model, "calibrate")
        self._layers = {layer.name: layer for layer in model.layers}
        self._sources = {
            name: [tensor.node.layer.name for tensor in layer.inbound_nodes[0].keras_inputs]
            for name, layer in self._layers.items()
        }
        self._last = model.layers[-1].name
        outputs = self._outputs()
        self.tensors = [tensor for layer in model.layers for tensor in _tensors(layer, outputs)]

    def float_pass(self, mixtures: NDArray[np.float32]) -> dict[str, TfTensor]:
        """Computes outputs of all layers by name, nothing quantized.

        Args:
            mixtures: float32 [B, T] of peak 1.
        """
        inputs = {
            name: tf.constant(mixtures[:, None, :, None])
            for name, layer in self._layers.items()
            if isinstance(layer, keras.layers.InputLayer)
        }
        return self._run(inputs, self._layers.keys() - inputs.keys())

    def float_estimates(self, float_values: Mapping[str, TfTensor]) -> NDArray[np.float32]:
        """Takes the estimates [B, sources, T] of a float pass.

        With residual encoders the first output plane alone is exact then. Else all planes are, and
        the first one alone lacks the second plane of a mixture that sources share.
        """
        has_encoders = any(name.startswith("residual_encoder_") for name in self._layers)
        last = "stage_0" if has_encoders else self._last
        return float_values[last][..., 0].numpy()

    def quantized(
        self, float_values: Mapping[str, TfTensor], tensors: Collection[Tensor], bits: int
    ) -> NDArray[np.float32]:
        """Computes estimates [B, sources, T] with ``tensors`` quantized and no others.

        Args:
            float_values: what ``float_pass`` gave.
            tensors: some of ``self.tensors``.
            bits: that each of them gets.
        """
        behind = {tensor.place for tensor in tensors}
        for name, sources in self._sources.items():
            if not behind.isdisjoint(sources):
                behind.add(name)
        for tensor in tensors:
            tensor.quantizer.mode, tensor.quantizer.bits = "quantize", bits
        try:
            return self._run(float_values, behind)[self._last][..., 0].numpy()
        finally:
            for tensor in tensors:
                tensor.quantizer.mode = "calibrate"

    def own_noise(
        self, float_values: Mapping[str, TfTensor], tensor: Tensor, bits: int
    ) -> dict[str, float] | None:
        """Measures what quantizing does to the tensor itself, before any layer sees it.

        Returns:
            Dict of ``signal`` and ``noise``, sums of squares; ``clipped``, the part of ``noise``
            from values outside the range; ``used``, the part of the range that the values and 0
            span. None for an inner tensor of a composite layer, whose values are not kept.
        """
        values = self._values(float_values, tensor)
        if values is None:
            return None
        tensor.quantizer.mode, tensor.quantizer.bits = "quantize", bits
        rounded = tensor.quantizer(values, training=False, weights=tensor.variables).numpy()
        tensor.quantizer.mode = "calibrate"
        values = values.numpy()
        error = np.square(rounded - values, dtype=float)
        scale = tensor.quantizer.scale(tensor.variables)
        if tensor.kind == "weight":
            clipped, used = 0.0, 1.0  # their ranges are those of the weights themselves
        else:
            clipped = error[np.sqrt(error) > MOST_ROUNDING * scale].sum()
            span = max(values.max(), 0) - min(values.min(), 0)
            used = float(span / (scale * (2**bits - 1)))
        return {
            "signal": float(np.sum(np.square(values, dtype=float))), "noise": float(error.sum()),
            "clipped": float(clipped), "used": used,
        }

    def _outputs(self) -> set[str]:
        """Names of the layers whose own 8 bits are those of the output waveforms."""
        waiting, found = [self._last], set()
        while waiting:
            name = waiting.pop()
            if _output_quantizer(self._layers[name]) is None:
                waiting += self._sources[name]
            else:
                found.add(name)
        return found

    def _values(self, float_values: Mapping[str, TfTensor], tensor: Tensor) -> TfTensor | None:
        if tensor.kind == "weight":
            return tf.convert_to_tensor(tensor.weight)
        return None if "/" in tensor.name else float_values[tensor.place]

    def _run(
        self, float_values: Mapping[str, TfTensor], names: Container[str]
    ) -> dict[str, TfTensor]:
        values = dict(float_values)
        for name, layer in self._layers.items():
            if name not in names:
                continue
            inputs = [values[source] for source in self._sources[name]]
            values[name] = layer(inputs[0] if len(inputs) == 1 else inputs, training=False)
        return values


def _output_quantizer(layer: KerasLayer) -> ModalQuantizer | None:
    """What gives the output of a layer its range; None where that is the range of an input."""
    if not isinstance(layer, tfmot.quantization.keras.QuantizeWrapperV2):
        return None
    quantizer = layer.quantize_config.output
    return None if isinstance(quantizer, InputRangeQuantizer) else quantizer


def _tensors(layer: KerasLayer, outputs: Container[str]) -> Iterator[Tensor]:
    if not isinstance(layer, tfmot.quantization.keras.QuantizeWrapperV2):
        return
    config, name = layer.quantize_config, layer.name
    # The wrapper replaces the layer's own attribute by what it rounded last.
    for attribute, (weight, quantizer, variables) in zip(
        config.weights, layer._weight_vars, strict=True
    ):
        yield Tensor(f"{name}/{attribute}", "weight", name, quantizer, variables, weight)
    for inner, quantizer in config.inner.items():
        if isinstance(quantizer, InputRangeQuantizer):  # rounds nothing
            continue
        yield Tensor(f"{name}/{inner}", "activation", name, quantizer)
    if (quantizer := _output_quantizer(layer)) is not None:
        kind, shown = "activation", name
        if isinstance(layer.layer, Splitter):
            kind = shown = "input"
        elif name in outputs:
            kind = shown = "output"
        yield Tensor(shown, kind, name, quantizer, layer._output_quantizer_vars)
