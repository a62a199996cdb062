"""The graph of a streaming .tflite as the generators need it, and what they refuse."""

import dataclasses
import functools
from typing import Any, NoReturn

import numpy as np
from ai_edge_litert import schema_py_generated as schema
from numpy.typing import NDArray

from fqss_tf.errors import FqssError
from fqss_tf.runtime.interpreter import INPUT
from fqss_tf.tflite.file import TfliteFile
from fqss_tf.tflite.metadata import Metadata
from fqss_tf.tflite.op_report import OP_NAMES, TYPE_NAMES

# The numpy types of the tensors that plain C knows.
CONSTANT_TYPES = {
    schema.TensorType.INT8: np.int8, schema.TensorType.INT32: np.int32,
}  # fmt: skip


@dataclasses.dataclass(frozen=True)
class Tensor:
    """A tensor of the graph.

    ``scales`` has one number, or one for each output channel of a constant; none if it is not
    quantized. ``data`` is None but for constants.
    """

    index: int
    shape: tuple[int, ...]
    scales: tuple[np.float32, ...]
    zero_points: tuple[int, ...]
    data: NDArray[Any] | None

    @property
    def scale(self) -> np.float32:
        """The scale of a tensor that has one."""
        return self.scales[0]

    @property
    def zero_point(self) -> int:
        """The zero point of a tensor that has one."""
        return self.zero_points[0]

    @property
    def bytes(self) -> int:
        """Of an int8 tensor."""
        return int(np.prod(self.shape, dtype=np.int64))


@dataclasses.dataclass(frozen=True)
class Op:
    """An op of the graph; ``entry`` and ``code`` are what the file has."""

    path: str
    index: int
    name: str
    inputs: tuple[Tensor, ...]
    output: Tensor
    entry: schema.OperatorT
    code: schema.OperatorCodeT

    @property
    def options(self) -> dict[str, Any]:
        """The options of the schema by name; none for an op without."""
        return {} if self.entry.builtinOptions is None else vars(self.entry.builtinOptions)

    def refuse(self, what: str) -> NoReturn:
        """Raises the FqssError that plain C does not know this op as it is.

        Args:
            what: the op has or is, behind its name in the sentence.
        """
        raise FqssError(
            f"{self.path} is not for microcontrollers: op {self.index} {self.name} {what}"
        )


@dataclasses.dataclass(frozen=True)
class State:
    """What a step remembers: its name, and the numbers of its tensors."""

    name: str
    input: int
    output: int


@dataclasses.dataclass(frozen=True)
class StepGraph:
    """The graph of a streaming .tflite of two int8 planes each way.

    ``stages`` are the numbers of the output tensors, ``inputs`` and ``outputs`` those of all, in
    the order in which TFLM counts them.
    """

    path: str
    metadata: Metadata
    tensors: tuple[Tensor, ...]
    ops: tuple[Op, ...]
    mixture: int
    stages: tuple[int, ...]
    states: tuple[State, ...]
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]

    @functools.cached_property
    def readers(self) -> dict[int, list[Op]]:
        """Tensor number -> the ops that read it."""
        found: dict[int, list[Op]] = {}
        for op in self.ops:
            for tensor in op.inputs:
                found.setdefault(tensor.index, []).append(op)
        return found

    @functools.cached_property
    def producer(self) -> dict[int, Op]:
        """Tensor number -> the op that writes it."""
        return {op.output.index: op for op in self.ops}


def read_graph(file: TfliteFile) -> StepGraph:
    """Reads the graph of a streaming .tflite.

    Raises:
        FqssError: it is damaged, no streaming model, not of two int8 planes each way, or has
            tensors of other types than int8.
    """
    metadata = file.metadata
    path = str(file.path)
    if not metadata.is_streaming:
        raise FqssError(f"{path} takes whole segments: convert a causal run with --stream")
    if not metadata.takes_int16:
        raise FqssError(
            f"{path} is {metadata.type} with {metadata.input_planes} and {metadata.output_planes} "
            "planes: a microcontroller takes int8 with 2 and 2"
        )
    model = file.model
    if len(model.subgraphs) != 1:
        raise FqssError(f"{path} has {len(model.subgraphs)} graphs: convert it anew")
    graph = model.subgraphs[0]
    tensors = tuple(
        _tensor(path, number, entry, model.buffers) for number, entry in enumerate(graph.tensors)
    )
    ops = tuple(
        _op(path, number, entry, tensors, model.operatorCodes)
        for number, entry in enumerate(graph.operators)
    )
    ports = _Ports(path, model)
    return StepGraph(
        path=path, metadata=metadata, tensors=tensors, ops=ops,
        mixture=ports.input(INPUT),
        stages=tuple(ports.output(f"stage_{plane}") for plane in range(metadata.output_planes)),
        states=tuple(
            State(name, ports.input(name), ports.output(name)) for name in metadata.states
        ),
        inputs=tuple(map(int, graph.inputs)), outputs=tuple(map(int, graph.outputs)),
    )


def data_of(tensor: Tensor) -> NDArray[Any]:
    """Returns the integers of a tensor that is known to be a constant."""
    assert tensor.data is not None
    return tensor.data


class _Ports:
    """Tensor numbers by the names of the signature."""

    def __init__(self, path: str, model: schema.ModelT) -> None:
        if len(model.signatureDefs or []) != 1:
            raise FqssError(f"{path} has not one signature: convert it anew")
        self._path = path
        signature = model.signatureDefs[0]
        self._inputs, self._outputs = (
            {entry.name.decode(): int(entry.tensorIndex) for entry in entries}
            for entries in (signature.inputs, signature.outputs)
        )

    def input(self, name: str) -> int:
        return self._found(self._inputs, name)

    def output(self, name: str) -> int:
        return self._found(self._outputs, name)

    def _found(self, ports: dict[str, int], name: str) -> int:
        if name not in ports:
            raise FqssError(f"{self._path} lacks the tensor {name}: convert it anew")
        return ports[name]


def _tensor(
    path: str, number: int, entry: schema.TensorT, buffers: list[schema.BufferT]
) -> Tensor:
    if entry.type not in CONSTANT_TYPES:
        raise FqssError(
            f"{path} is not for microcontrollers: tensor {number} is "
            f"{TYPE_NAMES.get(entry.type, entry.type)}, not int8"
        )
    shape = tuple(int(size) for size in ([] if entry.shape is None else entry.shape))
    quantization = entry.quantization
    scales, points = (
        ([], []) if quantization is None
        else (_listed(quantization.scale), _listed(quantization.zeroPoint))
    )
    raw = buffers[entry.buffer].data
    data = None
    if raw is not None and len(raw):
        data = np.frombuffer(bytes(bytearray(raw)), CONSTANT_TYPES[entry.type]).reshape(shape)
    elif entry.type != schema.TensorType.INT8:
        raise FqssError(
            f"{path} is not for microcontrollers: tensor {number} is "
            f"{TYPE_NAMES[entry.type]}, not int8"
        )
    elif len(scales) != 1:
        raise FqssError(f"{path} is not for microcontrollers: tensor {number} has no scale")
    return Tensor(
        number, shape, tuple(np.float32(scale) for scale in scales),
        tuple(int(point) for point in points), data,
    )


def _op(
    path: str,
    number: int,
    entry: schema.OperatorT,
    tensors: tuple[Tensor, ...],
    codes: list[schema.OperatorCodeT],
) -> Op:
    code = codes[entry.opcodeIndex]
    name = OP_NAMES.get(max(code.builtinCode, code.deprecatedBuiltinCode), "of an unknown kind")
    inputs = tuple(tensors[index] for index in entry.inputs if index >= 0)
    op = Op(path, number, name, inputs, tensors[entry.outputs[0]], entry, code)
    if len(entry.outputs) != 1:
        op.refuse(f"has {len(entry.outputs)} outputs")
    return op


def _listed(values: Any) -> Any:
    return [] if values is None else values
