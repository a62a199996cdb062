"""From a float Keras model to a quantization-aware one, by tfmot's annotate and apply."""

import itertools
from collections.abc import Iterable
from typing import Any

import tensorflow as tf
import tf_keras as keras

import tensorflow_model_optimization as tfmot  # isort: skip  (needs tf_keras first)

from fqss_tf.layers.lstm import BidirectionalLstm
from fqss_tf.layers.norm import NORMALISED, ChannelLayerNorm
from fqss_tf.quantization.bias import Wrapper, output_quantizer, quantized_source
from fqss_tf.quantization.configs import CUSTOM_OBJECTS
from fqss_tf.quantization.quantizers import (
    MODES,
    InputRangeQuantizer,
    ModalQuantizer,
    RangeQuantizer,
)
from fqss_tf.quantization.rules import quantize_config
from fqss_tf.types import KerasLayer, KerasModel, NetworkInputs


class _NoLayoutTransform:
    def apply(self, model: KerasModel, layer_quantize_map: Any) -> tuple[KerasModel, Any]:
        return model, layer_quantize_map


class FqssScheme(tfmot.quantization.keras.QuantizeScheme):
    """Quantizes what is annotated, as annotated: the graph has the runtime's layout already."""

    def get_layout_transformer(self) -> Any:
        """Returns a transformer that changes nothing."""
        return _NoLayoutTransform()

    def get_quantize_registry(self) -> Any:
        """Returns a registry without layers."""
        return _NothingByDefault()


class _NothingByDefault:
    def supports(self, layer: KerasLayer) -> bool:
        return False


@tf.autograph.experimental.do_not_convert
def quantize(model: KerasModel, bits: int = 8) -> KerasModel:
    """The quantization-aware twin of a float model, its weights copied; ranges not yet calibrated.

    Args:
        model: flat functional Keras model with constant PReLU slopes and without batch norms.
        bits: of everything but the waveforms.

    Raises:
        FqssError: a layer has no entry in the table of quantizers.
    """
    annotate = tfmot.quantization.keras.quantize_annotate_layer

    # The table looks at neighbours too: ask it about the connected original, not the clone.
    def clone(layer: KerasLayer) -> KerasLayer:
        return annotate(type(layer).from_config(layer.get_config()), quantize_config(layer, bits))

    with tfmot.quantization.keras.quantize_scope(CUSTOM_OBJECTS):
        wrapped = keras.models.clone_model(model, clone_function=clone)
        wrapped.set_weights(model.get_weights())
        quantized = tfmot.quantization.keras.quantize_apply(
            wrapped, FqssScheme(), quantized_layer_name_prefix=""
        )
    _keep_constants(quantized)
    _follow_inputs(quantized)
    _keep_shared_statistics(quantized)
    set_mode(quantized, "quantize")
    return quantized


def _keep_constants(model: KerasModel) -> None:
    """Leaves layers untrained that were so: tfmot's wrappers train their weights all the same."""
    for layer in model.layers:
        if isinstance(layer, Wrapper) and not layer.layer.trainable:
            # All of them: the layer itself loses its kernel when it gets the quantized one.
            layer._non_trainable_weights.extend(layer._trainable_weights)
            layer._trainable_weights.clear()


def _follow_inputs(model: KerasModel) -> None:
    """Tells the layers that keep the range of their input which one it is."""
    for layer in model.layers:
        for quantizer in layer.quantize_config.quantizers() if isinstance(layer, Wrapper) else ():
            if isinstance(quantizer, InputRangeQuantizer):
                quantizer.follow(*output_quantizer(quantized_source(layer)))


def _keep_shared_statistics(model: KerasModel) -> None:
    """Leaves ranges as calibrated that several norms over channels have of one tensor.

    The converter makes one op of what they compute alike, and it can have one range.
    """
    readers: dict[int, list[KerasLayer]] = {}
    for layer in model.layers:
        if isinstance(layer, Wrapper) and isinstance(layer.layer, ChannelLayerNorm):
            readers.setdefault(id(layer.input), []).append(layer)
    for layer in itertools.chain(*(each for each in readers.values() if len(each) > 1)):
        for name in NORMALISED:
            layer.quantize_config.inner[name].trains_range = False


def check_layers(model: KerasModel) -> None:
    """Raises FqssError unless the table has quantizers for every layer of a float model."""
    for layer in model.layers:
        if not isinstance(layer, keras.layers.InputLayer):
            quantize_config(layer)


def quantizers(model: KerasModel) -> list[ModalQuantizer]:
    """All quantizers of a quantized model."""
    return [
        quantizer
        for layer in model.layers
        if isinstance(layer, Wrapper)
        for quantizer in layer.quantize_config.quantizers()
    ]


def lstms(model: KerasModel) -> list[KerasLayer]:
    """The wrapped LSTM layers of a quantized model."""
    return [
        layer for layer in model.layers
        if isinstance(layer, Wrapper)
        and isinstance(layer.layer, BidirectionalLstm)
    ]


def ranges(model: KerasModel) -> dict[str, tuple[float, float]]:
    """(minimum, maximum) of every trained activation range of a quantized model, by tensor."""
    return {
        quantizer.variables["maximum"].name.removesuffix("_max:0"): quantizer.range()
        for quantizer in quantizers(model)
        if isinstance(quantizer, RangeQuantizer)
    }


def set_mode(model: KerasModel, mode: str) -> None:
    """Switches all quantizers to one of ``MODES``; traced functions keep theirs."""
    if mode not in MODES:
        raise ValueError(f"mode {mode!r} is not one of {MODES}")
    for quantizer in quantizers(model):
        quantizer.mode = mode
    for layer in model.layers:
        if hasattr(getattr(layer, "layer", None), "mode"):
            layer.layer.mode = mode


def keep_ranges(model: KerasModel) -> None:
    """Leaves the ranges of a quantized model as calibrated: training moves the weights."""
    for quantizer in quantizers(model):
        quantizer.trains_range = False


def calibrate(
    model: KerasModel, batches: Iterable[NetworkInputs], calibration: str = "percentile"
) -> None:
    """Measures the ranges of a quantized model over batches of mixtures.

    Args:
        model: quantized.
        batches: what it takes of mixtures, such as [B, 1, T, 1].
        calibration: how the ranges follow from the values: ``percentile``, ``mse`` or
            ``minmax``, as ``RangeQuantizer`` has them. With the first two, the ranges of weights
            have the least mean squared error.
    """
    set_mode(model, "calibrate")
    for quantizer in quantizers(model):
        quantizer.start_calibration(calibration)
    run = tf.function(lambda mixture: model(mixture, training=True), autograph=False)
    count = 0
    for mixture in batches:
        run(mixture)
        count += 1
    for quantizer in quantizers(model):
        quantizer.finish_calibration(count)
    if calibration != "minmax":
        _fit_weights(model)
    set_mode(model, "quantize")


def _fit_weights(model: KerasModel) -> None:
    for layer in model.layers:
        if isinstance(layer, Wrapper):
            for weight, quantizer, variables in layer._weight_vars:
                quantizer.fit(weight, variables)
