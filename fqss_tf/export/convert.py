"""From a run folder to a .tflite file that was run and compared before it is kept."""

import dataclasses
import hashlib
import json
import math
import time
from pathlib import Path
from typing import TYPE_CHECKING

from fqss_tf.errors import FqssError
from fqss_tf.export.flatbuffer import write_metadata
from fqss_tf.export.op_report import Report, Tensor, conversion_ops, float_tensors, op_report
from fqss_tf.export.parity import compare, one_segment, whole_stream
from fqss_tf.export.segments import levelled_segments
from fqss_tf.files import atomic_path
from fqss_tf.formats import FILE_TYPES, WAVEFORM_SCALE
from fqss_tf.models.registry import names_of, network_of
from fqss_tf.models.sizes import EncoderSizes
from fqss_tf.runtime.checksum import with_checksum
from fqss_tf.runtime.interpreter import INPUT
from fqss_tf.types import Json, PathLike, Planes, Waveform

if TYPE_CHECKING:
    from fqss_tf.training.run import Run

# Least SQNR in dB of the running .tflite against the Keras model it was made from.
LEAST_SQNR = {"int8": 30.0, "float32": 80.0, "float16": 50.0, "dynamic": 15.0, "int16x8": 30.0}
# Most dB of SI-SDR that an int8 file may have less than the simulation that training saw.
MOST_SI_SDR_LOSS = 0.1
STREAMING_SECONDS = 0.016
CALIBRATION_MIXTURES = 8
MOST_PLANES = 3


def convert(
    run: "Run",
    output: PathLike,
    file_type: str = "int8",
    ptq: bool = False,
    seconds: float | None = None,
    least_sqnr: float | None = None,
    stream: bool = False,
    planes: int = 1,
    calibration: PathLike | None = None,
) -> Json:
    """Converts a run and keeps the result only if it runs as the Keras model does.

    Args:
        run: a ``fqss_tf.training.run.Run``, or ``fqss_tf.training.untrained.UntrainedRun``.
        output: path of the .tflite; its description goes beside it as .json.
        file_type: one of ``fqss_tf.formats.FILE_TYPES``. int8 is fully integer: int8
            inputs and outputs at scale 1/128.
        ptq: int8 after training: ranges are measured, nothing is trained.
        seconds: length of the segment that the file takes; the recipe's training segment if None,
            16 ms for a streaming model.
        least_sqnr: dB, replaces the limits of ``LEAST_SQNR`` and ``MOST_SI_SDR_LOSS``, which an
            untrained network has not.
        stream: make a streaming model of a causal run, for ``fqss_tf.runtime.StreamingSeparator``.
        planes: with ``ptq``, 8-bit tensors of the mixture and of the estimates, 1 to 3.
        calibration: with ``ptq``, folder of recordings, or a data set, on which the ranges are
            measured; None takes the training mixtures of the recipe.

    Returns:
        The description, a dict.

    Raises:
        FqssError: unknown type, no quantized model, float tensors left, or too far from Keras.
    """
    if file_type not in FILE_TYPES:
        raise FqssError(f"type {file_type!r} is unknown: use one of {', '.join(FILE_TYPES)}")
    if ptq and file_type != "int8":
        raise FqssError("--ptq goes with --type int8 only: the other types need no training anyway")
    if not ptq and (planes != 1 or calibration is not None):
        raise FqssError("--planes and --calibrate go with --ptq: a trained model has its own")
    if ptq and not 1 <= planes <= MOST_PLANES:
        raise FqssError(f"--planes {planes} is not from 1 to {MOST_PLANES}")
    if file_type == "int8" and not ptq and not run.is_quantized:
        raise FqssError(f"{run.folder} has no quantized model: train it or convert with --ptq")
    if stream:
        _check_streams(run.config, file_type)
    from fqss_tf.export.graphs import convert_float, convert_quantized
    from fqss_tf.export.streaming_graph import convert_streaming, state_names
    from fqss_tf.quantization.wrap import set_mode

    output = Path(output)
    training_segment = run.segment(run.recipe.data.segment_seconds)
    samples = training_segment
    if seconds or stream:
        samples = run.segment(seconds or STREAMING_SECONDS)
    _check_file_type(run.config, file_type, samples)
    started = time.monotonic()
    if file_type == "int8":
        counts = Planes(planes, planes) if ptq else run.planes
        model = run.post_training_model(counts, calibration) if ptq else run.quantized_model()
        set_mode(model, "deploy")
        content = (convert_streaming if stream else convert_quantized)(model, samples, *counts)
    else:
        counts = Planes(1, 1)
        model = run.folded_model()
        pairs = levelled_segments(run.mixtures("dev")[:CALIBRATION_MIXTURES], samples)
        content = convert_float(model, samples, file_type, [segment for segment, _ in pairs])
    conversion_seconds = time.monotonic() - started
    method = ("ptq" if ptq else run.method) if file_type == "int8" else "float"
    metadata = file_metadata(run, samples, counts, file_type, method)
    if stream:
        lag = run.config.algorithmic_delay(counts.output)
        metadata |= {"lag": lag, "states": state_names(model)}
    content = with_checksum(write_metadata(content, metadata))
    report = op_report(content, str(output))
    if file_type == "int8":
        check_fully_integer(report)
    most_loss = math.inf
    if least_sqnr is None and run.method == "untrained":
        least_sqnr = -math.inf  # noise from random weights has no quality to keep
    elif least_sqnr is None:
        least_sqnr = LEAST_SQNR[file_type]
        most_loss = MOST_SI_SDR_LOSS if file_type == "int8" else math.inf
    with atomic_path(output) as temporary:
        temporary.write_bytes(content)
        compared = training_segment if stream else samples
        segments = levelled_segments(run.mixtures("test"), compared)
        parity = compare(model, whole_stream if stream else one_segment, temporary, segments)
        if refusal := parity_refusal(parity, least_sqnr, most_loss):
            if file_type == "int8" and not stream:
                refusal += "; " + _parting_op(content, segments[0][0], counts.input)
            raise FqssError(f"{output} is not kept: {refusal}")
    description = {
        "model": output.name,
        "type": file_type,
        "method": method,
        "sha256": hashlib.sha256(content).hexdigest(),
        "bytes": len(content),
        "segment": samples,
        "conversion_seconds": round(conversion_seconds, 1),
        "parity": parity,
        **(_stream_description(metadata, report) if stream else {}),
        "recipe": dataclasses.asdict(run.recipe),
        "report": report.to_dict(),
    }
    with atomic_path(output.with_suffix(".json")) as temporary:
        temporary.write_text(json.dumps(description, indent=1))
    return description


def parity_refusal(
    parity: dict[str, dict[str, float]], least_sqnr: float, most_loss: float
) -> str | None:
    """Says why a file is too far from its Keras model with a kernel set; None if it is not.

    Args:
        parity: of ``fqss_tf.export.parity.compare``.
        least_sqnr: dB.
        most_loss: dB of SI-SDR.
    """
    for kernels, found in parity.items():
        if found["sqnr_db"] < least_sqnr:
            return (
                f"with {kernels} kernels it is {found['sqnr_db']:.1f} dB over its difference to "
                f"the Keras model, below the limit of {least_sqnr:g} dB"
            )
        if found["si_sdr_difference_db"] < -most_loss:
            return (
                f"with {kernels} kernels its SI-SDR is {-found['si_sdr_difference_db']:.2f} dB "
                f"below the Keras model's, more than {most_loss:g} dB"
            )
    return None


def _parting_op(content: bytes, mixture: Waveform, planes: int) -> str:
    """Names the op that XNNPACK and the reference kernels disagree about most."""
    from fqss_tf.export.kernel_comparison import compare_kernels
    from fqss_tf.runtime.planes import split

    ops = compare_kernels(content, {INPUT: split(mixture, planes)[None, None]})
    worst = min(ops, key=lambda op: op.sqnr_db)
    return (
        f"the op on which the kernels differ most is {worst.index} {worst.name} {worst.tensor}, by "
        f"{worst.mean:+.3f} codes on average and {worst.largest} at most"
    )


def file_metadata(run: "Run", samples: int, planes: Planes, file_type: str, method: str) -> Json:
    """Returns what a .tflite of a run says about itself.

    Args:
        run: a Run or UntrainedRun.
        samples: of the segment that the file takes.
        planes: of the graph in the file.
        file_type: one of ``fqss_tf.formats.FILE_TYPES``.
        method: ``float``, ``ptq``, ``qat``, ``fqss`` or ``untrained``.
    """
    return {
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
            "mobile-causal"
        )
    if file_type != "int8":
        raise FqssError("--stream goes with --type int8 only: the states are int8")


def _stream_description(metadata: Json, report: Report) -> Json:
    """What the sidecar of a streaming model says besides; lengths in samples."""
    states = [tensor for tensor in report.inputs if tensor.name != INPUT]
    return {
        "algorithmic_delay": metadata["lag"],
        "latency": metadata["segment"] + metadata["lag"],
        "latency_ms": 1000 * (metadata["segment"] + metadata["lag"]) / metadata["sample_rate"],
        "state_bytes": sum(math.prod(tensor.shape) for tensor in states),
        "states": [
            {
                "name": tensor.name, "shape": list(tensor.shape), "scale": tensor.scale,
                "zero_point": tensor.zero_point,
            }
            for tensor in states
        ],
    }


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
