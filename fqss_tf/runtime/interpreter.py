"""LiteRT as the engines use it: its refusals as one line, its tensors held to the description."""

import contextlib

import numpy as np
from ai_edge_litert.interpreter import Interpreter, OpResolverType

from fqss_tf.errors import FqssError

SIGNATURE = "serving_default"
INPUT = "mixture"
INT8_SCALE = 2.0**-7


def open_interpreter(path, content, num_threads, reference_kernels):
    """An Interpreter of the bytes of a .tflite, its tensors allocated.

    Args:
        path: what an error message calls the file.
        reference_kernels: use the slow, plain kernels, to which the fast ones are compared.
    """
    resolver = OpResolverType.BUILTIN_REF if reference_kernels else OpResolverType.AUTO
    with refusals(path):
        interpreter = Interpreter(
            model_content=content, num_threads=num_threads, experimental_op_resolver_type=resolver
        )
        interpreter.allocate_tensors()
    return interpreter


def signature_tensors(path, interpreter):
    """(inputs, outputs), each a dict of name -> what LiteRT says about the tensor."""
    with refusals(path):
        signature = interpreter.get_signature_runner(SIGNATURE)
        return signature.get_input_details(), signature.get_output_details()


@contextlib.contextmanager
def refusals(path):
    """Turns what LiteRT raises into one FqssError."""
    try:
        yield
    except (RuntimeError, ValueError, TypeError) as error:
        reason = " ".join(str(error).split())
        raise FqssError(f"{path} cannot be run by LiteRT: {reason}") from error


def check_waveforms(path, metadata, dtype, inputs, outputs):
    """Raises FqssError unless mixture and planes have the shape, type and scale of the description.

    Returns:
        Names of the output planes, in order.
    """
    names = [f"stage_{plane}" for plane in range(metadata.output_planes)]
    states = set(metadata.states)
    if set(inputs) != {INPUT} | states or set(outputs) != set(names) | states:
        raise FqssError(f"{path} has unexpected inputs or outputs: convert it anew")
    shape = (1, 1, metadata.segment, metadata.input_planes)
    _check_tensor(path, inputs[INPUT], dtype, shape)
    for name in names:
        shape = (1, len(metadata.sources), metadata.segment, 1)
        _check_tensor(path, outputs[name], dtype, shape)
    return names


def _check_tensor(path, tensor, dtype, shape):
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
