"""Where two kernel sets part: each op of an int8 .tflite by itself, on the same inputs.

Run as a whole, a network lets one rounding spread until nearly all tensors differ, and nothing can
be said of the op that began. Here each op gets what the reference kernels gave the ops before.
"""

import copy
import dataclasses
from collections.abc import Callable
from typing import Any

import numpy as np
from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.interpreter import Interpreter, OpResolverType
from numpy.typing import NDArray

from fqss_tf.tflite.file import TfliteFile
from fqss_tf.tflite.flatbuffer import pack_model
from fqss_tf.tflite.op_report import OP_NAMES
from fqss_tf.types import PlaneArray


@dataclasses.dataclass(frozen=True)
class OpDifference:
    """What XNNPACK makes of an op's reference inputs, against the reference kernels.

    ``differing``: share of the codes that differ. ``mean`` and ``largest``: of the difference,
    in codes; a mean far from 0 is a bias, which adds up where a network sums many values.
    ``sqnr_db``: of the reference output over the difference.
    """

    index: int
    name: str
    tensor: str
    codes: int
    differing: float
    mean: float
    largest: int
    sqnr_db: float


def compare_kernels(
    file: TfliteFile,
    inputs: dict[str, PlaneArray],
    progress: Callable[[int, int], None] | None = None,
) -> list[OpDifference]:
    """Compares XNNPACK with the reference kernels, op by op.

    Args:
        file: an int8 .tflite.
        inputs: int8 array for each input of its signature.
        progress: called with (ops done, ops in all).

    Returns:
        An entry for each op whose outputs are integers, in the order of the file.
    """
    model = file.model
    values = _reference_values(file.content, inputs)
    graph = model.subgraphs[0]
    found = []
    for index, op in enumerate(graph.operators):
        if progress:
            progress(index, len(graph.operators))
        outputs = [tensor for tensor in op.outputs if tensor in values]
        if not outputs or values[outputs[0]].dtype != np.int8:
            continue
        fast = _run_alone(model, index, values)
        for tensor, result in zip(outputs, fast, strict=True):
            found.append(_difference(model, index, tensor, result, values[tensor]))
    return found


def _reference_values(content: bytes, inputs: dict[str, PlaneArray]) -> dict[int, NDArray[Any]]:
    """Tensor number -> what the reference kernels make of it."""
    interpreter = Interpreter(
        model_content=content, experimental_preserve_all_tensors=True,
        experimental_op_resolver_type=OpResolverType.BUILTIN_REF,
    )
    interpreter.allocate_tensors()
    for name, detail in interpreter.get_signature_runner().get_input_details().items():
        interpreter.set_tensor(detail["index"], inputs[name])
    interpreter.invoke()
    values: dict[int, NDArray[Any]] = {}
    for detail in interpreter.get_tensor_details():
        try:
            values[detail["index"]] = interpreter.get_tensor(detail["index"])
        except ValueError:
            continue  # a tensor without memory
    return values


def _run_alone(
    model: schema.ModelT, index: int, values: dict[int, NDArray[Any]]
) -> list[NDArray[Any]]:
    """Outputs of one op with XNNPACK, its inputs taken from ``values``."""
    graph = model.subgraphs[0]
    op = copy.deepcopy(graph.operators[index])
    between = [] if op.intermediates is None else op.intermediates  # of an LSTM
    kept = {int(tensor) for tensor in (*op.inputs, *op.outputs, *between) if tensor >= 0}
    read = {int(tensor) for tensor in op.inputs}
    numbers = {tensor: place for place, tensor in enumerate(sorted(kept))}
    alone = copy.copy(model)
    alone.signatureDefs, alone.metadata = None, None
    alone.metadataBuffer = None
    alone.buffers, tensors, variable = [copy.deepcopy(model.buffers[0])], [], []
    for tensor in sorted(kept):
        entry = copy.copy(graph.tensors[tensor])
        data = model.buffers[entry.buffer].data
        if data is None and tensor in read and not entry.isVariable:
            variable.append(tensor)
        alone.buffers.append(copy.copy(model.buffers[entry.buffer]))
        entry.buffer = len(alone.buffers) - 1
        tensors.append(entry)
    op.inputs = [numbers.get(int(tensor), -1) for tensor in op.inputs]
    op.outputs = [numbers[int(tensor)] for tensor in op.outputs]
    if op.intermediates is not None:
        op.intermediates = [numbers[int(tensor)] for tensor in op.intermediates]
    one = copy.copy(graph)
    one.tensors, one.operators = tensors, [op]
    one.inputs, one.outputs = [numbers[tensor] for tensor in variable], op.outputs
    alone.subgraphs = [one]
    interpreter = Interpreter(model_content=pack_model(alone), num_threads=1)
    interpreter.allocate_tensors()
    for detail, tensor in zip(interpreter.get_input_details(), variable, strict=True):
        interpreter.set_tensor(detail["index"], values[tensor])
    interpreter.invoke()
    return [interpreter.get_tensor(detail["index"]) for detail in interpreter.get_output_details()]


def _difference(
    model: schema.ModelT, index: int, tensor: int, result: PlaneArray, reference: PlaneArray
) -> OpDifference:
    graph = model.subgraphs[0]
    entry = graph.tensors[tensor]
    difference = result.astype(np.int64) - reference
    zero_point = int(entry.quantization.zeroPoint[0])
    signal = np.sum((reference.astype(float) - zero_point) ** 2)
    noise = np.sum(difference.astype(float) ** 2)
    code = model.operatorCodes[graph.operators[index].opcodeIndex]
    builtin = max(code.builtinCode, code.deprecatedBuiltinCode)
    return OpDifference(
        index=index, name=OP_NAMES[builtin], tensor=entry.name.decode(), codes=difference.size,
        differing=float(np.mean(difference != 0)), mean=float(difference.mean()),
        largest=int(np.abs(difference).max()),
        sqnr_db=float(10 * np.log10(max(signal, 1e-20) / noise)) if noise else float("inf"),
    )
