"""Whether the graph in a .tflite can be what an exporter wrote, checked before it is run.

The interpreter checks most of what its kernels rely on, and takes the rest on trust: a missing
input or a scale too few ends the process. Ops that are not listed here pass.
"""

import math
from collections.abc import Iterable, Sequence
from typing import Any

from ai_edge_litert import schema_py_generated as schema

from fqss_tf.tflite.lstm_check import is_lstm, lstm_faults, state_tensors

MOST_ELEMENTS = 2**28  # of one tensor; some minutes of audio in 256 channels
LARGEST_STEP = 2**16  # of strides and dilations
BYTES = {
    schema.TensorType.FLOAT32: 4,
    schema.TensorType.FLOAT16: 2,
    schema.TensorType.INT64: 8,
    schema.TensorType.INT32: 4,
    schema.TensorType.INT16: 2,
    schema.TensorType.INT8: 1,
    schema.TensorType.UINT8: 1,
    schema.TensorType.BOOL: 1,
}
INTEGER_RANGE = {
    schema.TensorType.INT32: 2**31,
    schema.TensorType.INT16: 2**15,
    schema.TensorType.INT8: 2**7,
    schema.TensorType.UINT8: 2**8,
    schema.TensorType.INT64: 2**31,
}
# How many inputs the kernels look at without asking. An input that may be left out has index -1.
INPUTS = {
    "ADD": (2,), "BATCH_MATMUL": (2,), "CONV_2D": (2, 3), "CUMSUM": (2,),
    "DEPTHWISE_CONV_2D": (3,), "DEQUANTIZE": (1,), "DIV": (2,), "EXP": (1,),
    "EXPAND_DIMS": (2,), "FULLY_CONNECTED": (2, 3), "GATHER": (2,), "GELU": (1,),
    "LEAKY_RELU": (1,), "LOGISTIC": (1,), "MAXIMUM": (2,), "MEAN": (2,), "MINIMUM": (2,),
    "MUL": (2,), "PAD": (2,), "PADV2": (3,), "PRELU": (2,), "QUANTIZE": (1,),
    "RELU": (1,), "RESHAPE": (1, 2), "RSQRT": (1,), "SLICE": (3,), "SOFTMAX": (1,), "SPLIT": (2,),
    "SPLIT_V": (3,), "SQRT": (1,), "SQUARED_DIFFERENCE": (2,), "STRIDED_SLICE": (4,), "SUB": (2,),
    "SUM": (2,), "TANH": (1,), "TILE": (2,), "TRANSPOSE": (2,), "TRANSPOSE_CONV": (3, 4),
}  # fmt: skip
OP_NAMES = {value: name for name, value in vars(schema.BuiltinOperator).items()
            if not name.startswith("_")}  # fmt: skip
STEPS = ("strideW", "strideH", "dilationWFactor", "dilationHFactor", "depthMultiplier",
         "filterWidth", "filterHeight")  # fmt: skip
SUBGRAPHS = ("condSubgraphIndex", "bodySubgraphIndex", "thenSubgraphIndex", "elseSubgraphIndex")
ENUMERATIONS = {
    "padding": schema.Padding,
    "fusedActivationFunction": schema.ActivationFunctionType,
}


def faults(model: schema.ModelT, states: Iterable[str] = ()) -> list[str]:
    """Returns short texts that say what is wrong with a parsed model; none if nothing was found.

    Args:
        model: the root of the schema's object API, whose indices all lead somewhere
            (``fqss_tf.tflite.flatbuffer.read_model``).
        states: names of the tensors that a streaming model reads and gives back for the next step.
    """
    found = [
        fault for number in range(len(model.subgraphs)) for fault in _graph_faults(model, number)
    ]
    found += _signature_faults(model, len(_listed(model.subgraphs[0].tensors)))
    return found or _state_faults(model, states)


def _graph_faults(model: schema.ModelT, number: int) -> list[str]:
    graph = model.subgraphs[number]
    tensors = _listed(graph.tensors)
    states = state_tensors(model, graph)
    found = []
    for position, tensor in enumerate(tensors):
        faults_of_tensor = _tensor_faults(tensor, model.buffers, position in states)
        found += [f"tensor {position} {fault}" for fault in faults_of_tensor]
    if not found:
        found += _order_faults(graph, tensors, model.buffers, states)
    for position, operator in enumerate(_listed(graph.operators)):
        code = model.operatorCodes[operator.opcodeIndex]
        faults_of_op = _input_faults(operator, code) + _option_faults(operator)
        if is_lstm(code):
            faults_of_op += lstm_faults(operator, tensors)
        faults_of_op += _loop_faults(operator, number, len(model.subgraphs))
        found += [f"op {position} {fault}" for fault in faults_of_op]
    return found


def _tensor_faults(
    tensor: schema.TensorT, buffers: Sequence[schema.BufferT], is_state: bool
) -> list[str]:
    shape = [int(size) for size in _listed(tensor.shape)]
    if tensor.type not in BYTES:
        return [f"has the unknown type {tensor.type}"]
    if any(size < 1 for size in shape) or math.prod(shape) > MOST_ELEMENTS:
        return [f"has the impossible shape {shape}"]
    if bool(tensor.isVariable) != is_state:
        return ["is variable, or a constant state"]
    if tensor.sparsity is not None or _listed(tensor.variantTensors):
        return ["is sparse or a variant"]
    constant = _listed(buffers[tensor.buffer].data)
    if len(constant) not in (0, math.prod(shape) * BYTES[tensor.type]):
        return [f"has {len(constant)} bytes for the shape {shape}"]
    signature = _listed(tensor.shapeSignature)
    if len(signature) not in (0, len(shape)) or any(
        have not in (-1, size) for have, size in zip(signature, shape, strict=False)
    ):
        return ["has a shape signature of another shape"]
    return _quantization_faults(tensor, shape)


def _quantization_faults(tensor: schema.TensorT, shape: Sequence[int]) -> list[str]:
    quantization = tensor.quantization
    if quantization is None:
        return []
    scales = [float(scale) for scale in _listed(quantization.scale)]
    zero_points = [int(point) for point in _listed(quantization.zeroPoint)]
    axis = quantization.quantizedDimension
    if not scales and not zero_points:
        return []
    if not 0 <= axis < max(len(shape), 1):
        return [f"is quantized along axis {axis} of {len(shape)}"]
    if len(scales) not in (1, shape[axis] if shape else 1):
        return [f"has {len(scales)} scales for the shape {shape}"]
    if len(zero_points) != len(scales):
        return [f"has {len(zero_points)} zero points for {len(scales)} scales"]
    if not all(math.isfinite(scale) and scale > 0 for scale in scales):
        return ["has a scale that is not a positive number"]
    limit = INTEGER_RANGE.get(tensor.type, 1)
    if not all(-limit <= point < limit for point in zero_points):
        return ["has a zero point outside of its type"]
    return []


def _order_faults(
    graph: schema.SubGraphT,
    tensors: Sequence[schema.TensorT],
    buffers: Sequence[schema.BufferT],
    states: set[int],
) -> list[str]:
    """Every tensor is a constant, an input, a state, or written exactly once before it is read."""
    known = {
        index for index, tensor in enumerate(tensors) if len(_listed(buffers[tensor.buffer].data))
    }
    inputs = [int(index) for index in _listed(graph.inputs)]
    found = []
    if known & set(inputs) or len(set(inputs)) != len(inputs) or -1 in inputs:
        found.append("the inputs are constants, or one of them is named twice")
    if states & (known | set(inputs)):
        found.append("a state is a constant or an input")
    known |= set(inputs) | states
    for position, operator in enumerate(_listed(graph.operators)):
        reads = {int(index) for index in _listed(operator.inputs)} - {-1}
        writes = [int(index) for index in _listed(operator.outputs)]
        if not reads <= known:
            found.append(f"op {position} reads what nothing wrote")
        if -1 in writes or not writes or len(set(writes)) != len(writes) or known & set(writes):
            found.append(f"op {position} writes nothing, or what is already there")
        known |= set(writes)
    if not {int(index) for index in _listed(graph.outputs)} <= known:
        found.append("an output is written by no op")
    return found


def _input_faults(operator: schema.OperatorT, code: schema.OperatorCodeT) -> list[str]:
    name = OP_NAMES.get(max(code.builtinCode, code.deprecatedBuiltinCode))
    if name is None:
        return ["is no op of this LiteRT"]
    inputs = _listed(operator.inputs)
    if name in INPUTS and len(inputs) not in INPUTS[name]:
        return [f"is {name} with {len(inputs)} inputs"]
    if name in INPUTS and any(int(index) == -1 for index in inputs[: min(INPUTS[name])]):
        return [f"is {name} without one of its inputs"]
    return []


def _loop_faults(operator: schema.OperatorT, number: int, graphs: int) -> list[str]:
    """A loop or branch runs graphs that come behind its own, so that none runs itself."""
    options = vars(operator.builtinOptions) if operator.builtinOptions is not None else {}
    return [
        f"has {name} {options[name]} in graph {number} of {graphs}"
        for name in SUBGRAPHS if name in options and not number < options[name] < graphs
    ]


def _option_faults(operator: schema.OperatorT) -> list[str]:
    options = vars(operator.builtinOptions) if operator.builtinOptions is not None else {}
    found = []
    for name in STEPS:
        if name in options and not 1 <= options[name] <= LARGEST_STEP:
            found.append(f"has {name} {options[name]}")
    for name, enumeration in ENUMERATIONS.items():
        if name in options and options[name] not in vars(enumeration).values():
            found.append(f"has the unknown {name} {options[name]}")
    if operator.customOptions is not None and operator.builtinOptions is not None:
        found.append("has the options of two kinds of op")
    return found


def _signature_faults(model: schema.ModelT, tensors: int) -> list[str]:
    found = []
    for signature in _listed(model.signatureDefs):
        named = [*_listed(signature.inputs), *_listed(signature.outputs)]
        if signature.subgraphIndex != 0 or not all(
            0 <= entry.tensorIndex < tensors for entry in named
        ):
            found.append("a signature names a tensor that is not there")
    return found


def _state_faults(model: schema.ModelT, states: Iterable[str]) -> list[str]:
    """A state comes out as it goes in, so that a step reads what the one before wrote."""
    found = []
    for name in states:
        ends = [
            [entry.tensorIndex for entry in _listed(ports) if entry.name == name.encode()]
            for signature in _listed(model.signatureDefs)
            for ports in (signature.inputs, signature.outputs)
        ]
        if [len(end) for end in ends] != [1, 1]:
            found.append(f"state {name} is not one input and one output")
            continue
        into, out_of = (_as_stored(model.subgraphs[0].tensors[end[0]]) for end in ends)
        if into != out_of:
            found.append(f"state {name} is not of one shape, type, scale and zero point")
        elif into[0] != schema.TensorType.INT8 or len(into[2]) != 1:
            found.append(f"state {name} is not an int8 tensor of one scale")
    return found


def _as_stored(tensor: schema.TensorT) -> tuple[int, list[float], list[float], list[float]]:
    """Type, shape, scales and zero points."""
    quantization = tensor.quantization
    scales, points = (
        (quantization.scale, quantization.zeroPoint) if quantization is not None else ([], [])
    )
    lists = (_listed(values) for values in (tensor.shape, scales, points))
    shape, all_scales, all_points = (list(map(float, values)) for values in lists)
    return tensor.type, shape, all_scales, all_points


def _listed(values: Any) -> Any:
    """The schema has None, a list or an array where there are many values."""
    return [] if values is None else values
