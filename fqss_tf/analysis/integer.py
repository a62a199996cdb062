"""A float32 .tflite beside integer ones: their estimates, and each tensor on the way there."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from ai_edge_litert.interpreter import Interpreter, OpResolverType
from numpy.typing import NDArray

from fqss_tf.analysis.excerpts import Excerpt, Reference, check_separated, referenced, spread
from fqss_tf.analysis.noise import noise_rows, ratio_db
from fqss_tf.errors import FqssError
from fqss_tf.runtime import planes
from fqss_tf.runtime.engine import Engine
from fqss_tf.tflite.file import FileLike, TfliteFile
from fqss_tf.types import FloatArray, Json, OnProgress, Sources, Waveform

# They move numbers and make none.
MOVING = ("RESHAPE", "PAD", "STRIDED_SLICE", "TRANSPOSE", "SLICE")
# With several input planes what filters the samples is the last of its sums.
FILTERS = re.compile(r"(encoder|bottleneck)(_sum)?_\d+$")
# Behind the masks float and integer networks of several output planes have not the same tensors.
STAGES = re.compile(r"((residual_encoder|latent|decoder|stage)_\d+(_inputs)?|sources?_\d+(_\w+)?)$")


class InspectedModel:
    """A .tflite whose tensors can be looked at after each segment.

    Plain kernels compute it, because XNNPACK keeps nothing: ``fqss_tf.runtime.Engine`` gives the
    estimates that users get.

    Args:
        file: a float32 or int8 file of ``fqss-tf convert``, open already or by its path.

    Raises:
        FqssError: damaged, foreign, or of another type.
    """

    def __init__(self, file: FileLike) -> None:
        file = TfliteFile.open(file)
        self.metadata = file.metadata  # checks the graph, so it comes before LiteRT
        if self.metadata.type not in ("float32", "int8"):
            raise FqssError(
                f"{file.path} is {self.metadata.type}: float32 and int8 can be compared"
            )
        self._interpreter = Interpreter(
            model_content=file.content, experimental_preserve_all_tensors=True,
            experimental_op_resolver_type=OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES,
        )
        self._interpreter.allocate_tensors()
        (self._input,) = self._interpreter.get_input_details()
        details = {each["index"]: each for each in self._interpreter.get_tensor_details()}
        self._tensors = {
            layer: details[index] for layer, index in _layer_tensors(file).items()
        }

    def values(self, segment: Waveform) -> dict[str, tuple[FloatArray, float]]:
        """Computes what each layer gives for a segment [samples] of peak 1.

        Returns:
            Dict, in the order of computation, of layer -> (float values; the share of integers at
            the ends of their range, 0 in a float file).
        """
        if self.metadata.type == "int8":
            inputs: NDArray[Any] = planes.split(segment, self.metadata.input_planes)
        else:
            inputs = segment[:, None]
        self._interpreter.set_tensor(self._input["index"], inputs[None, None])
        self._interpreter.invoke()
        return {
            layer: _values(self._interpreter.get_tensor(tensor["index"]), tensor)
            for layer, tensor in self._tensors.items()
        }


def _layer_tensors(file: TfliteFile) -> dict[str, int]:
    """Layer -> index of its output, of all layers that make numbers."""
    operators = file.model.subgraphs[0].operators
    found = {}
    for op, entry in zip(file.report.ops, operators, strict=False):
        if op.name in MOVING:
            continue
        # The converter calls it model/layer/op;..., and prefers the last op that it fused.
        parts = op.outputs[0].name.split(";")[0].split("/")
        layer = parts[1] if len(parts) > 1 else parts[0]
        if filters := FILTERS.match(layer):
            layer = filters[1]
        if not STAGES.match(layer):
            found[layer] = int(entry.outputs[0])
    if found.keys() & {"mask_change", "masked_coarse"}:
        found.pop("masked", None)  # of the change alone, or too coarse: no float file has that
    return found


def _values(content: NDArray[Any], tensor: Json) -> tuple[FloatArray, float]:
    if content.dtype == np.float32:
        return content, 0.0
    scale, zero_point = tensor["quantization"]
    # A ReLU's zeros are at the lower end, where nothing is cut off.
    ends = content == 127
    if zero_point != -128:
        ends |= content == -128
    return (content.astype(np.float32) - zero_point) * scale, float(ends.mean())


def compare_layers(
    float_file: FileLike,
    integer_file: FileLike,
    excerpts: Sequence[Excerpt],
    progress: OnProgress | None = None,
) -> list[Json]:
    """Measures layer by layer how far an integer file is from a float one.

    For post-training int8 the difference is quantization noise, that of a layer and of all before
    it. In a trained network the weights have moved too. Channels of an integer network are scaled,
    each by its own number (``fqss_tf.quantization.equalization``): the gain that fits best is no
    noise.

    Args:
        float_file: the float32 .tflite, open already or by its path.
        integer_file: an int8 .tflite of the same network.
        excerpts: list of Excerpt of the files' segment.
        progress: called as ``progress(done, total)``, if given.

    Returns:
        Rows in the order of computation with ``layer``; ``sqnr`` in dB over all excerpts;
        ``saturated``, the share of the integers at the ends of their range.

    Raises:
        FqssError: a file cannot be used, or they have no layers in common.
    """
    files = [TfliteFile.open(file) for file in (float_file, integer_file)]
    pair = [InspectedModel(file) for file in files]
    products: dict[str, NDArray[np.float64]] = {}
    shares: dict[str, float] = {}
    for done, excerpt in enumerate(excerpts, 1):
        expected, found = (model.values(excerpt.mixture) for model in pair)
        for layer, (values, saturated) in found.items():
            if layer in expected and expected[layer][0].shape == values.shape:
                own = _products(expected[layer][0], values)
                products[layer] = products.get(layer, 0.0) + own
                shares[layer] = shares.get(layer, 0.0) + saturated / len(excerpts)
        if progress is not None:
            progress(done, len(excerpts))
    if not products:
        raise FqssError(
            f"{files[0].path} and {files[1].path} have no layers in common: give files of one "
            "network"
        )
    return [
        {"layer": layer, "sqnr": _sqnr(own), "saturated": shares[layer]}
        for layer, own in products.items()
    ]


def _products(signal: FloatArray, values: FloatArray) -> NDArray[np.float64]:
    """``[3, C]``: sums of squares of both, and of their products, by channel."""
    signal, values = (each.reshape(-1, each.shape[-1]).astype(float) for each in (signal, values))
    return np.stack([(signal**2).sum(0), (values**2).sum(0), (signal * values).sum(0)])


def _sqnr(products: NDArray[np.float64]) -> float:
    """SQNR in dB with the gain of each channel that fits best."""
    signal, values, both = products
    fitted = np.maximum(both, 0) ** 2 / np.maximum(values, 1e-30)
    noise = np.maximum(signal - fitted, 0).sum()
    # What is left of equal numbers is rounding of this sum.
    noise = 0.0 if noise < 1e-12 * signal.sum() else noise
    return ratio_db(*np.sqrt([signal.sum(), noise]))


@dataclass
class Files:
    """What was measured on .tflite files; all rows are dicts.

    ``references``: one per excerpt. ``rows``: those of ``noise_rows`` with ``model`` and
    ``method``. ``layers``: those of ``compare_layers`` with ``model`` and ``method``.
    ``estimates``: (model, utterance) -> [sources, samples] in the order of the true sources.
    """

    references: list[Reference] = field(default_factory=list)
    rows: list[Json] = field(default_factory=list)
    layers: list[Json] = field(default_factory=list)
    estimates: dict[tuple[str, str], Sources] = field(default_factory=dict)


def compare_files(
    float_file: FileLike,
    integer_files: Sequence[FileLike],
    excerpts: Sequence[Excerpt],
    layer_excerpts: int,
    least_sdr: float,
    progress: OnProgress | None = None,
) -> Files:
    """Compares a float32 file with integer ones, by estimates and by layers.

    Args:
        float_file: the float32 .tflite, open already or by its path.
        integer_files: int8 .tflite files of its network, sample rate and segment.
        excerpts: list of Excerpt of that segment.
        layer_excerpts: on how many of them layers are compared.
        least_sdr: float SI-SDR in dB that at least one source must have.
        progress: called as ``progress(done, total)``, if given.

    Returns:
        Files.

    Raises:
        FqssError: a file cannot be used, or is of another network, or gives NaN, or nothing is
            separated.
    """
    files = Files()
    float_file = TfliteFile.open(float_file)
    engine = Engine(float_file)
    for excerpt in excerpts:
        files.references.append(referenced(excerpt, engine.forward(excerpt.mixture)))
    check_separated(files.references, least_sdr)
    chosen = [reference.excerpt for reference in spread(files.references, layer_excerpts)]
    steps = len(files.references) + len(chosen)
    total = len(integer_files) * steps
    for index, file in enumerate(map(TfliteFile.open, integer_files)):
        before = index * steps
        engine = Engine(file)
        labels: Json = {"model": file.name, "method": engine.metadata.method}
        for done, reference in enumerate(files.references, 1):
            estimates = engine.forward(reference.excerpt.mixture)
            files.rows += [labels | row for row in noise_rows(reference, estimates)]
            utterance = reference.excerpt.utterance
            files.estimates[labels["model"], utterance] = estimates[list(reference.order)]
            if progress is not None:
                progress(before + done, total)
        layers = compare_layers(
            float_file, file, chosen, _behind(progress, before + len(files.references), total)
        )
        files.layers += [labels | row for row in layers]
    return files


def _behind(progress: OnProgress | None, before: int, total: int) -> OnProgress | None:
    """What a part of the work reports to, when ``before`` of ``total`` steps come before it."""
    if progress is None:
        return None
    return lambda done, _: progress(before + done, total)
