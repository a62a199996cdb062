"""A streaming .tflite without what no runtime reads, its states taken as soon as they are there.

The converter puts the slices of all states last, so what they are cut from stays in memory to the
end. Here each stands right behind its concatenation.
"""

import copy

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from fqss_tf.tflite.checksum import with_checksum
from fqss_tf.tflite.file import TfliteFile
from fqss_tf.tflite.flatbuffer import pack_model
from fqss_tf.tflite.metadata import METADATA_NAME


def slim(file: TfliteFile) -> bytes:
    """Returns the bytes of a smaller .tflite that computes the same, and needs less memory.

    Args:
        file: a streaming model.

    Raises:
        FqssError: the file is damaged or no model of this project.
    """
    states = set(file.metadata.states)
    model = copy.deepcopy(file.model)
    (signature,) = model.signatureDefs
    updates = {
        int(entry.tensorIndex) for entry in signature.outputs if entry.name.decode() in states
    }
    graph = model.subgraphs[0]
    graph.operators = _early(graph.operators, updates)
    biases = {
        int(op.inputs[2]) for op in graph.operators
        if len(op.inputs) == 3 and graph.tensors[op.inputs[2]].type == schema.TensorType.INT32
    }
    for number, tensor in enumerate(graph.tensors):
        tensor.name, tensor.shapeSignature = b"", None
        if tensor.quantization is not None:
            tensor.quantization.min = tensor.quantization.max = None
        # The scale of a bias is that of the input times that of the weights: kernels take those.
        if number in biases or _listed_length(tensor.quantization) == 0:
            tensor.quantization = None
    model.metadata = [entry for entry in model.metadata if entry.name == METADATA_NAME]
    model.metadataBuffer, model.description = None, None
    graph.name = b""
    _renumber_buffers(model)
    return with_checksum(pack_model(model))


def _early(operators: list[schema.OperatorT], updates: set[int]) -> list[schema.OperatorT]:
    """Moves the slices that make states right behind the ops whose output they cut."""
    waiting: dict[int, list[schema.OperatorT]] = {}
    others = []
    for op in operators:
        if op.outputs[0] in updates:
            waiting.setdefault(int(op.inputs[0]), []).append(op)
        else:
            others.append(op)
    ordered = []
    for op in others:
        ordered.append(op)
        for output in op.outputs:
            ordered += waiting.pop(int(output), [])
    return ordered + [op for rest in waiting.values() for op in rest]


def _renumber_buffers(model: schema.ModelT) -> None:
    """Leaves one buffer for equal constants, and the empty one for all tensors without."""
    buffers = [schema.BufferT()]
    known = {b"": 0}

    def number_of(old: int) -> int:
        data = model.buffers[old].data
        content = b"" if data is None else np.asarray(data, np.uint8).tobytes()
        if content not in known:
            known[content] = len(buffers)
            buffers.append(schema.BufferT(data=np.frombuffer(content, np.uint8)))
        return known[content]

    for tensor in model.subgraphs[0].tensors:
        tensor.buffer = number_of(tensor.buffer)
    for entry in model.metadata:
        entry.buffer = number_of(entry.buffer)
    model.buffers = buffers


def _listed_length(quantization: schema.QuantizationParametersT | None) -> int:
    scales = None if quantization is None else quantization.scale
    return 0 if scales is None else len(scales)
