"""The quantizers of one layer, as tfmot asks for them."""

from collections.abc import Mapping
from typing import Any

import tf_keras as keras

import tensorflow_model_optimization as tfmot  # isort: skip  (needs tf_keras first)

from fqss_tf.quantization.quantizers import (
    ConstantRangeQuantizer,
    InputRangeQuantizer,
    ModalQuantizer,
    PowerOfTwoQuantizer,
    RangeQuantizer,
    RemainderQuantizer,
    WeightQuantizer,
)
from fqss_tf.types import Json, KerasLayer


class LayerQuantizeConfig(tfmot.quantization.keras.QuantizeConfig):
    """Quantizers of one layer: its weights by attribute name, its inner tensors, its output.

    Args:
        weights: attribute name of the layer -> quantizer.
        inner: name of the inner tensor -> quantizer, for composite layers.
        output: quantizer of the output, or None if another layer's quantizer follows first.
    """

    def __init__(
        self,
        weights: Mapping[str, ModalQuantizer] | None = None,
        inner: Mapping[str, ModalQuantizer] | None = None,
        output: ModalQuantizer | None = None,
    ) -> None:
        self.weights = dict(weights or {})
        self.inner = dict(inner or {})
        self.output = output

    def get_weights_and_quantizers(self, layer: KerasLayer) -> list[tuple[Any, ModalQuantizer]]:
        """Returns (weight, quantizer) pairs."""
        return [(getattr(layer, name), quantizer) for name, quantizer in self.weights.items()]

    def set_quantize_weights(self, layer: KerasLayer, quantize_weights: list[Any]) -> None:
        """Puts rounded weights in place of the layer's own."""
        for name, value in zip(self.weights, quantize_weights, strict=True):
            setattr(layer, name, value)

    def get_activations_and_quantizers(
        self, layer: KerasLayer
    ) -> list[tuple[Any, ModalQuantizer]]:
        """Returns (inner activation, quantizer) pairs."""
        return [
            (layer.inner_activations[name], quantizer) for name, quantizer in self.inner.items()
        ]

    def set_quantize_activations(
        self, layer: KerasLayer, quantize_activations: list[Any]
    ) -> None:
        """Puts rounding activations in place of the layer's own."""
        if self.inner:
            layer.quantized = True
            layer.inner_activations = dict(zip(self.inner, quantize_activations, strict=True))

    def get_output_quantizers(self, layer: KerasLayer) -> list[ModalQuantizer]:
        """Returns the quantizer of the output, if there is one."""
        return [self.output] if self.output else []

    def get_config(self) -> Json:
        """Returns what ``from_config`` makes the same from."""
        serialize = keras.utils.legacy.serialize_keras_object
        return {
            "weights": {name: serialize(item) for name, item in self.weights.items()},
            "inner": {name: serialize(item) for name, item in self.inner.items()},
            "output": serialize(self.output) if self.output else None,
        }

    @classmethod
    def from_config(cls, config: Json) -> "LayerQuantizeConfig":
        """Makes one from what ``get_config`` returned."""
        restore = keras.utils.legacy.deserialize_keras_object
        return cls(
            {name: restore(item) for name, item in config["weights"].items()},
            {name: restore(item) for name, item in config["inner"].items()},
            restore(config["output"]) if config["output"] else None,
        )

    def quantizers(self) -> list[ModalQuantizer]:
        """Returns all quantizers of the layer."""
        outputs = [self.output] if self.output else []
        return [*self.weights.values(), *self.inner.values(), *outputs]


CUSTOM_OBJECTS = {
    kind.__name__: kind
    for kind in (
        ConstantRangeQuantizer, InputRangeQuantizer, LayerQuantizeConfig, PowerOfTwoQuantizer,
        RangeQuantizer, RemainderQuantizer, WeightQuantizer,
    )
}
