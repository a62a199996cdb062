"""Ops that are a function of one byte: a table of 256 results that the reference kernel made."""

import copy

import numpy as np
from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.interpreter import Interpreter, OpResolverType
from numpy.typing import NDArray

from fqss_tf.micro.graph import Op, Tensor, data_of
from fqss_tf.tflite.flatbuffer import pack_model

OF_ONE = ("LEAKY_RELU", "LOGISTIC", "RELU", "TANH")
OF_ONE_AND_A_NUMBER = ("ADD", "MUL", "PRELU", "SUB")
CODES = np.arange(-128, 128, dtype=np.int8)


def is_function_of_one(op: Op) -> bool:
    """Returns whether each byte of the output depends on one byte of the input alone."""
    constants = [tensor for tensor in op.inputs if tensor.data is not None]
    if op.name in OF_ONE:
        return not constants
    return (
        op.name in OF_ONE_AND_A_NUMBER and len(op.inputs) == 2 and len(constants) == 1
        and data_of(constants[0]).size == 1
    )


def results(op: Op, source: Tensor) -> NDArray[np.int8]:
    """Returns what the reference kernel makes of the codes -128 to 127: int8 [256].

    Args:
        op: a function of one byte.
        source: the input that is no constant.
    """
    tensors, buffers, inputs = [], [schema.BufferT()], []
    for tensor in (*op.inputs, op.output):
        entry = schema.TensorT()
        varies = tensor.data is None
        entry.shape = [1, CODES.size] if varies else [1] * len(tensor.shape)
        entry.type, entry.name = schema.TensorType.INT8, b""
        quantization = schema.QuantizationParametersT()
        quantization.scale = [float(scale) for scale in tensor.scales]
        quantization.zeroPoint = list(tensor.zero_points)
        entry.quantization = quantization
        if not varies:
            entry.buffer = len(buffers)
            buffers.append(schema.BufferT(data=data_of(tensor).ravel().view(np.uint8)))
        tensors.append(entry)
    place = next(number for number, tensor in enumerate(op.inputs) if tensor is source)
    operator = copy.copy(op.entry)
    operator.opcodeIndex = 0
    inputs = list(range(len(op.inputs)))
    operator.inputs, operator.outputs = inputs, [len(inputs)]
    graph = schema.SubGraphT()
    graph.tensors, graph.operators = tensors, [operator]
    graph.inputs, graph.outputs = [place], [len(inputs)]
    model = schema.ModelT()
    model.version, model.operatorCodes = 3, [op.code]
    model.subgraphs, model.buffers = [graph], buffers
    interpreter = Interpreter(
        model_content=pack_model(model), experimental_op_resolver_type=OpResolverType.BUILTIN_REF
    )
    interpreter.allocate_tensors()
    interpreter.set_tensor(interpreter.get_input_details()[0]["index"], CODES[None])
    interpreter.invoke()
    made: NDArray[np.int8] = interpreter.get_tensor(interpreter.get_output_details()[0]["index"])
    return made[0]
