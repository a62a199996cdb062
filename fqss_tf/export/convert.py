"""From a run folder to a .tflite file that was run and compared before it is kept."""

import json
import math
import time
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from fqss_tf.errors import FqssError
from fqss_tf.export.conversion import Conversion, Options
from fqss_tf.export.parity import Parity, compare, one_segment, whole_stream
from fqss_tf.export.segments import levelled_segments
from fqss_tf.export.short_names import with_short_names
from fqss_tf.files import atomic_paths, check_place
from fqss_tf.formats import FILE_TYPES, WAVEFORM_SCALE
from fqss_tf.models.registry import names_of, network_of
from fqss_tf.models.sizes import EncoderSizes
from fqss_tf.runtime.interpreter import INPUT
from fqss_tf.tflite.checksum import with_checksum
from fqss_tf.tflite.file import TfliteFile
from fqss_tf.tflite.metadata import write_metadata
from fqss_tf.tflite.op_report import Report, Tensor, conversion_ops, float_tensors
from fqss_tf.types import Json, KerasModel, PathLike, Planes, Waveform

if TYPE_CHECKING:
    from fqss_tf.runs.base import BaseRun

# Least SQNR in dB of the running .tflite against the Keras model it was made from.
LEAST_SQNR = {"int8": 30.0, "float32": 80.0, "float16": 50.0, "dynamic": 15.0, "int16x8": 30.0}
# The same in int8 for U-Nets over a spectrogram, whose own noise is larger and grows with depth:
# where a rounding differs, so do hundreds of sums behind it.
LEAST_SQNR_OF_UNETS = 20.0
# And of the loss below: it is measured on one segment.
MOST_SI_SDR_LOSS_OF_UNETS = 0.25
# Most dB of SI-SDR that an int8 file may have less than the simulation that training saw.
MOST_SI_SDR_LOSS = 0.1
STREAMING_SECONDS = 0.016
CALIBRATION_MIXTURES = 8
MOST_PLANES = 2
# A segment of music takes minutes with the reference kernels: one of them is compared.
COMPARED_SONGS = 1


def convert(
    run: "BaseRun",
    output: PathLike,
    file_type: str = "int8",
    *,
    ptq: bool = False,
    seconds: float | None = None,
    least_sqnr: float | None = None,
    stream: bool = False,
    planes: int = 1,
    calibration: PathLike | None = None,
) -> Conversion:
    """Converts a run and keeps the result only if it runs as the Keras model does.

    Args:
        run: a ``fqss_tf.Run``, or any other BaseRun.
        output: path of the .tflite; its description goes beside it as .json.
        file_type: one of ``fqss_tf.formats.FILE_TYPES``. int8 is fully integer: int8
            inputs and outputs at scale 1/128.
        ptq: int8 after training: ranges are measured, nothing is trained.
        seconds: length of the segment that the file takes; the recipe's training segment if None,
            16 ms for a streaming model.
        least_sqnr: dB, replaces the limits of ``LEAST_SQNR`` and ``MOST_SI_SDR_LOSS``, which an
            untrained network has not.
        stream: make a streaming model of a causal run, for ``fqss_tf.runtime.StreamingSeparator``.
        planes: with ``ptq``, 8-bit tensors of the mixture and of the estimates, 1 or 2.
        calibration: with ``ptq``, folder of recordings, or a data set, on which the ranges are
            measured; None takes the training mixtures of the recipe.

    Returns:
        What was made.

    Raises:
        FqssError: unknown type, no quantized model, float tensors left, or too far from Keras.
    """
    options = Options(
        file_type=file_type, ptq=ptq, seconds=seconds, least_sqnr=least_sqnr, stream=stream,
        planes=planes, calibration=calibration,
    )
    output = Path(output)
    if output.suffix != ".tflite":
        raise FqssError(f"{output}: its name must end in .tflite")
    described = output.with_suffix(".json")
    for path in (output, described):
        check_place(path)
    _check(run, options)
    samples = run.recipe.segment(_segment_seconds(run, options), of_stream=options.stream)
    _check_file_type(run.config, file_type, samples)
    started = time.monotonic()
    converted = _converted(run, options, samples)
    conversion_seconds = time.monotonic() - started
    with atomic_paths([output, described]) as (temporary, description):
        temporary.write_bytes(with_checksum(converted.content))
        file = TfliteFile.open(temporary)
        if file_type == "int8":
            check_fully_integer(file.report)
        parity, refusal = _compared(run, options, converted, file)
        if refusal:
            raise FqssError(f"{output} is not kept: {refusal}; --least-sqnr sets another limit")
        conversion = Conversion(
            path=output, metadata=file.metadata, report=file.report, sha256=file.sha256,
            seconds=conversion_seconds, parity=parity, recipe=run.recipe,
        )
        description.write_text(json.dumps(conversion.to_dict(), indent=1))
    return conversion


def _check(run: "BaseRun", options: Options) -> None:
    file_type, ptq = options.file_type, options.ptq
    if file_type not in FILE_TYPES:
        raise FqssError(f"type {file_type!r} is unknown: use one of {', '.join(FILE_TYPES)}")
    if ptq and file_type != "int8":
        raise FqssError("--ptq goes with --type int8 only: the other types need no training anyway")
    if not ptq and (options.planes != 1 or options.calibration is not None):
        raise FqssError("--planes and --calibrate go with --ptq: a trained model has its own")
    if ptq and not 1 <= options.planes <= MOST_PLANES:
        raise FqssError(f"--planes {options.planes} is not from 1 to {MOST_PLANES}")
    if file_type == "int8" and not ptq and not run.is_quantized:
        raise FqssError(f"{run.name} has no quantized model: train it or convert with --ptq")
    if options.stream:
        _check_streams(run.config, file_type)


def _segment_seconds(run: "BaseRun", options: Options) -> float:
    default = STREAMING_SECONDS if options.stream else run.recipe.data.segment_seconds
    return options.seconds or default


class _Converted(NamedTuple):
    """A .tflite with its description, and the Keras model in it, with so many planes."""

    content: bytes
    model: KerasModel
    planes: Planes


def _converted(run: "BaseRun", options: Options, samples: int) -> _Converted:
    from fqss_tf.export.graphs import convert_float, convert_quantized
    from fqss_tf.export.streaming_graph import convert_streaming, state_names
    from fqss_tf.quantization.wrap import set_mode

    if options.file_type != "int8":
        counts = Planes(1, 1)
        model = run.folded_model()
        mixtures = run.mixtures("dev") if options.file_type == "int16x8" else []
        pairs = levelled_segments(mixtures[:CALIBRATION_MIXTURES], samples)
        shape = _shape(run, samples, counts)
        content = convert_float(
            model, shape, options.file_type, [pair[0] for pair in pairs],
            network_of(run.config).beside(run.config, samples),
        )
        metadata = file_metadata(run, samples, counts, options.file_type, "float")
        return _Converted(write_metadata(content, metadata), model, counts)
    counts = Planes(options.planes, options.planes) if options.ptq else run.planes
    model = (
        run.post_training_model(counts, options.calibration) if options.ptq
        else run.quantized_model()
    )
    set_mode(model, "deploy")
    metadata = file_metadata(run, samples, counts, "int8", "ptq" if options.ptq else run.method)
    if options.stream:
        content = convert_streaming(model, samples, *counts)
        lag = run.config.algorithmic_delay
        metadata |= {"lag": lag, "states": state_names(model)}
    else:
        network = network_of(run.config)
        metadata |= network.description(model)
        content = convert_quantized(
            model, _shape(run, samples, counts), counts.output,
            network.beside(run.config, samples, counts.input),
        )
    return _Converted(write_metadata(with_short_names(content), metadata), model, counts)


def _shape(run: "BaseRun", samples: int, planes: Planes) -> tuple[int, ...]:
    """Of the input of the graph."""
    return network_of(run.config).graph_shape(run.config, samples, planes.input)


def _compared(
    run: "BaseRun", options: Options, converted: _Converted, file: TfliteFile
) -> tuple[dict[str, Parity], str | None]:
    """How far the file is from Keras, and why it is not to be kept; None if it is."""
    samples = file.metadata.segment
    if options.stream:
        samples = run.recipe.segment()
    network = network_of(run.config)
    mixtures = run.mixtures("test")
    if network.of_music:
        mixtures = mixtures[:COMPARED_SONGS]
    segments = levelled_segments(mixtures, samples)
    separate = network.separation(converted.model, run.config, samples)
    parity = compare(
        separate, whole_stream if options.stream else one_segment, file, segments
    )
    refusal = parity_refusal(parity, *_limits(run, options))
    if refusal and options.file_type == "int8" and not options.stream and not network.of_music:
        refusal += "; " + _parting_op(file, segments[0][0], converted.planes.input)
    return parity, refusal


def _limits(run: "BaseRun", options: Options) -> tuple[float, float]:
    """Least SQNR and most loss of SI-SDR, in dB."""
    if options.least_sqnr is not None:
        return options.least_sqnr, math.inf
    if run.method == "untrained":
        return -math.inf, math.inf  # noise from random weights has no quality to keep
    if options.file_type != "int8":
        return LEAST_SQNR[options.file_type], math.inf
    if network_of(run.config).is_unet:
        return LEAST_SQNR_OF_UNETS, MOST_SI_SDR_LOSS_OF_UNETS
    return LEAST_SQNR["int8"], MOST_SI_SDR_LOSS


def parity_refusal(
    parity: dict[str, Parity], least_sqnr: float, most_loss: float
) -> str | None:
    """Says why a file is too far from its Keras model with a kernel set; None if it is not.

    Args:
        parity: of ``fqss_tf.export.parity.compare``.
        least_sqnr: dB.
        most_loss: dB of SI-SDR.
    """
    for kernels, found in parity.items():
        if not found.sqnr_db >= least_sqnr:  # as is NaN
            return (
                f"with {kernels} kernels its SQNR to the Keras model is {found.sqnr_db:.1f} dB, "
                f"below the limit of {least_sqnr:g} dB"
            )
        if not found.si_sdr_difference_db >= -most_loss:
            return (
                f"with {kernels} kernels its SI-SDR is {-found.si_sdr_difference_db:.2f} dB "
                f"below the Keras model's, more than {most_loss:g} dB"
            )
    return None


def _parting_op(file: TfliteFile, mixture: Waveform, planes: int) -> str:
    """Names the op that XNNPACK and the reference kernels disagree about most."""
    from fqss_tf.runtime.planes import split
    from fqss_tf.tflite.kernel_comparison import compare_kernels

    ops = compare_kernels(file, {INPUT: split(mixture, planes)[None, None]})
    worst = min(ops, key=lambda op: op.sqnr_db)
    return (
        f"the op on which the kernels differ most is {worst.index} {worst.name} {worst.tensor}, by "
        f"{worst.mean:+.3f} codes on average and {worst.largest} at most"
    )


def file_metadata(
    run: "BaseRun", samples: int, planes: Planes, file_type: str, method: str
) -> Json:
    """Returns what a .tflite of a run says about itself.

    Args:
        run: what the file is made of.
        samples: of the segment that the file takes.
        planes: of the graph in the file.
        file_type: one of ``fqss_tf.formats.FILE_TYPES``.
        method: ``float``, ``ptq``, ``qat``, ``fqss`` or ``untrained``.
    """
    form = network_of(run.config).spectrogram(run.config, samples)
    heard: Json = {} if form is None else {"spectrogram": {
        "kernel": form.kernel, "bins": form.bins, "masks": form.masks,
    }}
    if run.config.audio_channels > 1:
        heard["channels"] = run.config.audio_channels
    if network_of(run.config).beside(run.config, samples) is not None:
        heard["transform"] = run.config.kernel
    return heard | {
        "format": 1,
        "sample_rate": run.recipe.data.sample_rate,
        "segment": samples,
        "hop": run.recipe.model.hop,
        "sources": list(run.recipe.source_names),
        "input_stages": planes.input,
        "output_stages": planes.output,
        "type": file_type,
        "method": method,
        "network": run.recipe.network,
        "quantised_by": "fqss-tf",
    }


def _check_streams(config: EncoderSizes, file_type: str) -> None:
    if not network_of(config).streams(config):
        raise FqssError(
            "--stream needs a causal network: train one with model.causal=true, such as the recipe "
            "two-voices-stream"
        )
    if file_type != "int8":
        raise FqssError("--stream goes with --type int8 only: the states are int8")


def _check_file_type(config: EncoderSizes, file_type: str, samples: int) -> None:
    network = network_of(config)
    if file_type in network.untried:
        tried = names_of(lambda other: file_type not in other.untried)
        raise FqssError(
            f"{file_type} is refused: only {tried} has been tried in it: use float32"
        )
    if reason := network.refusal(config, file_type, samples):
        raise FqssError(reason)


def check_fully_integer(report: Report) -> None:
    """Checks that every tensor of a file is an integer one.

    Waveforms have scale 1/128; what is both an input and an output, a state, has one of its own.

    Raises:
        FqssError: one is not; it names the culprits.
    """
    floats, conversions = float_tensors(report), conversion_ops(report)
    if floats or conversions:
        named = ", ".join([*floats, *(f"op {op.index} {op.name}" for op in conversions)][:8])
        raise FqssError(
            f"the graph is not fully integer: {len(floats)} float tensors and "
            f"{len(conversions)} conversions, first {named}"
        )
    of_output = {tensor.name: tensor for tensor in report.outputs}
    states = [tensor for tensor in report.inputs if tensor.name in of_output]
    for state in states:
        returned = of_output[state.name]
        if not same_grid(state, returned):
            raise FqssError(
                f"state {state.name} enters as {state.dtype} {state.shape} with scale "
                f"{state.scale} and leaves as {returned.dtype} {returned.shape} with scale "
                f"{returned.scale}"
            )
    names = {state.name for state in states}
    for tensor in (*report.inputs, *report.outputs):
        if tensor.name in names:
            continue
        if tensor.scale != WAVEFORM_SCALE or tensor.zero_point != 0:
            raise FqssError(
                f"tensor {tensor.name} has scale {tensor.scale} and zero point "
                f"{tensor.zero_point} instead of 1/128 and 0"
            )


def same_grid(first: Tensor, second: Tensor) -> bool:
    """Returns whether two tensors of a report hold the same integers for the same numbers."""
    grids = [
        (tensor.shape, tensor.dtype, tensor.scale, tensor.zero_point) for tensor in (first, second)
    ]
    return grids[0] == grids[1]
