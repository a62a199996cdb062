"""The TensorFlow graphs that are converted: what lies between splitter and combiner."""

from collections.abc import Callable, Iterable, Sequence

import tensorflow as tf
import tf_keras as keras
from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

from fqss_tf.export.lstm import stand_ins, unrolled, with_lstm_ops
from fqss_tf.formats import WAVEFORM_SCALE
from fqss_tf.models.network import SPLITTERS
from fqss_tf.quantization.fake_quant import fake_quantize
from fqss_tf.runtime.interpreter import SPECTROGRAM
from fqss_tf.types import KerasModel, Tensor, Waveform

LEAST_HALF = 2.0**-24  # smaller constants become 0 in a float16 file


def convert_quantized(
    model: KerasModel, shape: Sequence[int], output_planes: int,
    beside: Sequence[int] | None = None,
) -> bytes:
    """Returns the fully integer .tflite of a quantized Keras model.

    The graph starts behind the splitter and ends in front of the combiner: both are byte shuffling
    that the caller does.

    Args:
        model: quantized, in mode ``deploy``.
        shape: of the input, as ``fqss_tf.models.network.Network.graph_shape`` has it.
        output_planes: of the model.
        beside: as of ``convert_float``, with planes.
    """
    splitters = SPLITTERS[:1] if beside is None else SPLITTERS
    names = output_names(output_planes, beside is not None)
    core = keras.Model(
        [model.get_layer(name).output for name in splitters],
        [model.get_layer(name).output for name in names],
    )

    def graph(*heard: Tensor) -> dict[str, Tensor]:
        planes = [waveform_planes(each) for each in heard]
        outputs = tf.nest.flatten(core(planes, training=False))
        return dict(zip(names, outputs, strict=True))

    return convert_int8_function(graph, model, *input_specs(shape, beside))


def output_names(planes: int, of_spectra: bool) -> list[str]:
    """Returns what the outputs of a graph are called; ``of_spectra``: it gives spectra, too."""
    kinds = ("stage", "spectra") if of_spectra else ("stage",)
    return [f"{kind}_{plane}" for kind in kinds for plane in range(planes)]


def waveform_planes(mixture: Tensor) -> Tensor:
    """Returns the planes of a mixture as their int8 tensor: scale 1/128, zero point 0."""
    largest = tf.constant(1 - WAVEFORM_SCALE)
    return fake_quantize(mixture, tf.constant(-1.0), largest, training=False)


def convert_int8_function(
    graph: Callable[..., dict[str, Tensor]], model: KerasModel, *signature: tf.TensorSpec
) -> bytes:
    """Returns the fully integer .tflite of a function.

    Args:
        graph: function of one tensor for each of ``signature`` that returns a dict of tensors by
            name, all fake-quantized.
        model: the quantized Keras model that ``graph`` calls, in mode ``deploy``.
        *signature: with names, static.
    """
    with stand_ins(model) as noted, unrolled(model):
        converter = make_converter(graph, *signature)
    return with_lstm_ops(run_int8_converter(converter), model, noted)


def run_int8_converter(converter: tf.lite.TFLiteConverter) -> bytes:
    """Returns the .tflite of a graph in which every tensor is fake quantized."""
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.inference_input_type = tf.int8
    converter.inference_output_type = tf.int8
    return run_converter(converter)


def convert_float(
    model: KerasModel, shape: Sequence[int], file_type: str, segments: Iterable[Waveform] = (),
    beside: Sequence[int] | None = None,
) -> bytes:
    """Returns the .tflite of a float Keras model.

    Norms get an epsilon that float16 can hold, where a file of that type would have 0 and divide
    digital silence by it. The model keeps it.

    Args:
        model: mixture [1, 1, T, 1] -> estimates [1, S, T, 1], or of magnitudes.
        shape: of the input, as of ``convert_quantized``.
        file_type: ``float32``, ``float16``, ``dynamic`` or ``int16x8``.
        segments: mixtures [samples] of peak 1 that calibrate int16x8.
        beside: shape of the spectrogram that a model hears beside the mixture; it gives spectra
            beside its estimates, then.
    """
    if file_type == "float16":
        for layer in model.submodules:
            if getattr(layer, "epsilon", LEAST_HALF) < LEAST_HALF:
                layer.epsilon = LEAST_HALF

    def graph(*heard: Tensor) -> dict[str, Tensor]:
        outputs = model(heard if len(heard) > 1 else heard[0], training=False)
        names = output_names(1, beside is not None)
        return dict(zip(names, tf.nest.flatten(outputs), strict=True))

    with unrolled(model):
        converter = make_converter(graph, *input_specs(shape, beside))
    if file_type != "float32":
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
    if file_type == "float16":
        converter.target_spec.supported_types = [tf.float16]
    if file_type == "int16x8":
        converter.target_spec.supported_ops = [
            tf.lite.OpsSet.EXPERIMENTAL_TFLITE_BUILTINS_ACTIVATIONS_INT16_WEIGHTS_INT8
        ]
        converter.inference_input_type = tf.int16
        converter.inference_output_type = tf.int16
        converter.representative_dataset = lambda: (
            [segment[None, None, :, None]] for segment in segments
        )
    return run_converter(converter)


def mixture_spec(shape: Sequence[int]) -> tf.TensorSpec:
    """Returns the tf.TensorSpec of a mixture, ``[1, 1, samples, planes]`` or of magnitudes."""
    return tf.TensorSpec(shape, tf.float32, name="mixture")


def input_specs(shape: Sequence[int], beside: Sequence[int] | None) -> list[tf.TensorSpec]:
    """Returns the tf.TensorSpec of each input; arguments as of ``convert_quantized``."""
    of_mixture = [mixture_spec(shape)]
    if beside is None:
        return of_mixture
    return [*of_mixture, tf.TensorSpec(beside, tf.float32, name=SPECTROGRAM)]


def make_converter(
    graph: Callable[..., dict[str, Tensor]], *signature: tf.TensorSpec
) -> tf.lite.TFLiteConverter:
    """Returns the converter of a function, whose inputs and named outputs become the signature.

    Args:
        graph: function of one tensor for each of ``signature`` that returns a dict of estimates by
            name.
        *signature: with names, static.
    """
    names: list[str] = []

    def flat_graph(*inputs: Tensor) -> list[Tensor]:
        outputs = graph(*inputs)
        names[:] = outputs
        return list(outputs.values())

    traced = tf.function(flat_graph, input_signature=signature, autograph=False)
    # Constants instead of variables: a SavedModel traces saving and loading of each variable.
    frozen = convert_variables_to_constants_v2(traced.get_concrete_function())
    module = tf.Module()
    module.frozen = tf.function(
        lambda *inputs: dict(zip(names, frozen(*inputs), strict=True)),
        input_signature=signature, autograph=False,
    )
    # Only a SavedModel keeps the names of several outputs apart: it becomes the signature.
    return tf.lite.TFLiteConverter.from_concrete_functions(
        [module.frozen.get_concrete_function()], module
    )


def run_converter(converter: tf.lite.TFLiteConverter) -> bytes:
    """Returns the .tflite that a TFLiteConverter makes."""
    import warnings

    with warnings.catch_warnings():
        # "Statistics for quantized inputs were expected": the FakeQuant ops have them.
        warnings.simplefilter("ignore")
        return converter.convert()
