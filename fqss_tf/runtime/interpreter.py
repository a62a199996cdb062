"""LiteRT as the engines use it: its refusals as one line, its tensors held to the description."""

import contextlib
from collections.abc import Iterator, Mapping
from typing import Any, TypeAlias

import numpy as np
from ai_edge_litert.interpreter import Interpreter, OpResolverType

from fqss_tf.errors import FqssError
from fqss_tf.formats import CHANNELS
from fqss_tf.tflite.metadata import Metadata
from fqss_tf.types import PathLike

# What LiteRT says about one tensor: name, index, shape, dtype, quantization (scale, zero point).
TensorDetails: TypeAlias = Mapping[str, Any]
Dtype: TypeAlias = type[np.int8] | type[np.int16] | type[np.float32]

SIGNATURE = "serving_default"
INPUT = "mixture"
SPECTROGRAM = "spectrogram"  # of the mixture, beside it
INT8_SCALE = 2.0**-7
PHASES = 4  # two rows and two columns at each place of the logits


def open_interpreter(
    path: PathLike, content: bytes, num_threads: int, reference_kernels: bool
) -> Interpreter:
    """Returns an Interpreter of a .tflite file, its tensors allocated.

    Args:
        path: what an error message calls the file.
        content: the bytes of the file.
        num_threads: CPU threads.
        reference_kernels: use the slow, plain kernels, to which the fast ones are compared.

    Raises:
        FqssError: LiteRT refuses the model.
    """
    resolver = OpResolverType.BUILTIN_REF if reference_kernels else OpResolverType.AUTO
    with refusals(path):
        interpreter = Interpreter(
            model_content=content, num_threads=num_threads, experimental_op_resolver_type=resolver
        )
        interpreter.allocate_tensors()
    return interpreter


def signature_tensors(
    path: PathLike, interpreter: Interpreter
) -> tuple[dict[str, TensorDetails], dict[str, TensorDetails]]:
    """Returns (inputs, outputs), each a dict of name -> what LiteRT says about the tensor.

    Raises:
        FqssError: LiteRT refuses the model, or it has no such signature.
    """
    with refusals(path):
        signature = interpreter.get_signature_runner(SIGNATURE)
        return signature.get_input_details(), signature.get_output_details()


@contextlib.contextmanager
def refusals(path: PathLike) -> Iterator[None]:
    """Turns what LiteRT raises into one FqssError, which names ``path``."""
    try:
        yield
    except (RuntimeError, ValueError, TypeError) as error:
        reason = " ".join(str(error).split())
        raise FqssError(f"{path} cannot be run by LiteRT: {reason}") from error


def check_tensors(
    path: PathLike,
    metadata: Metadata,
    dtype: Dtype,
    inputs: Mapping[str, TensorDetails],
    outputs: Mapping[str, TensorDetails],
) -> tuple[list[str], list[str]]:
    """Checks that inputs and planes have the shape, type and scale of the description.

    Args:
        path: what an error message calls the file.
        metadata: the description.
        dtype: of the mixture and of the planes.
        inputs: as ``signature_tensors`` gives them.
        outputs: the same.

    Returns:
        Names of the inputs but for states, and of the output planes, in order.

    Raises:
        FqssError: they have not.
    """
    input_shapes, output_shapes = _shapes(metadata)
    states = set(metadata.states)
    if set(inputs) != set(input_shapes) | states or set(outputs) != set(output_shapes) | states:
        raise FqssError(f"{path} has unexpected inputs or outputs: convert it anew")
    for tensors, shapes in ((inputs, input_shapes), (outputs, output_shapes)):
        for name, shape in shapes.items():
            _check_tensor(path, tensors[name], dtype, shape)
    return list(input_shapes), list(output_shapes)


def _shapes(metadata: Metadata) -> tuple[dict[str, tuple[int, ...]], dict[str, tuple[int, ...]]]:
    """Name -> shape of the inputs and of the outputs."""
    sources, samples, channels = len(metadata.sources), metadata.segment, metadata.channels
    taken: tuple[int, ...]
    given: tuple[int, ...]
    if metadata.transform is not None:
        bins, frames = metadata.transform // 2, -(-samples // metadata.hop)
        read = CHANNELS * metadata.input_planes
        given, spectra = (1, 1, samples, CHANNELS * sources), (1, bins, frames, 4 * sources)
        return (
            {INPUT: (1, 1, samples, read), SPECTROGRAM: (1, bins, frames, 2 * read)},
            _planes("stage", given, metadata) | _planes("spectra", spectra, metadata),
        )
    if (form := metadata.spectrogram) is not None:
        taken = (1, form.frames, form.bins, CHANNELS * metadata.input_planes)
        given = (1, form.frames // 2, form.bins // 2, PHASES * CHANNELS * sources)
    else:
        taken = (1, 1, samples, metadata.input_planes * channels)
        given = (1, sources, samples, channels)
    return {INPUT: taken}, _planes("stage", given, metadata)


def _planes(
    kind: str, shape: tuple[int, ...], metadata: Metadata
) -> dict[str, tuple[int, ...]]:
    return {f"{kind}_{plane}": shape for plane in range(metadata.output_planes)}


def _check_tensor(
    path: PathLike, tensor: TensorDetails, dtype: Dtype, shape: tuple[int, ...]
) -> None:
    found = tuple(int(size) for size in tensor["shape"])
    if found != shape or tensor["dtype"] is not dtype:
        raise FqssError(
            f"{path}: tensor {tensor['name']} is {tensor['dtype'].__name__} {found}, its "
            f"description says {dtype.__name__} {shape}: convert it anew"
        )
    scale, zero_point = tensor["quantization"]
    if dtype is np.int8 and (scale != INT8_SCALE or zero_point != 0):
        raise FqssError(
            f"{path}: tensor {tensor['name']} has scale {scale:g} and zero point {zero_point} "
            "instead of 1/128 and 0: convert it anew"
        )
