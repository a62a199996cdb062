"""What a .tflite file computes, op by op: shapes, types, scales, multiply-accumulates, bytes."""

import collections
import dataclasses
import math
from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

from ai_edge_litert import schema_py_generated as schema

from fqss_tf.tflite.flatbuffer import damage_as_error
from fqss_tf.types import Json

FLOAT_TYPES = ("float32", "float16")
CONVERSIONS = ("QUANTIZE", "DEQUANTIZE")


def _names_of(enumeration: type) -> dict[int, str]:
    return {
        value: name for name, value in vars(enumeration).items() if not name.startswith("_")
    }


OP_NAMES = _names_of(schema.BuiltinOperator)
TYPE_NAMES = {value: name.lower() for value, name in _names_of(schema.TensorType).items()}


@dataclasses.dataclass(frozen=True)
class Tensor:
    """A tensor of a file.

    ``scale`` and ``zero_point`` are None without quantization and when ``per_channel``.
    """

    name: str
    shape: tuple[int, ...]
    dtype: str
    scale: float | None
    zero_point: int | None
    per_channel: bool
    buffer: int
    constant_bytes: int


@dataclasses.dataclass(frozen=True)
class Op:
    """An op of a file.

    ``macs``, the multiply-accumulates, is 0 for ops that are not matrix products or convolutions.
    """

    index: int
    name: str
    inputs: tuple[Tensor, ...]
    outputs: tuple[Tensor, ...]
    macs: int

    @property
    def per_channel(self) -> bool:
        """Whether one of its inputs has a scale for each channel."""
        return any(tensor.per_channel for tensor in self.inputs)

    @property
    def weight_bytes(self) -> int:
        """Bytes of the constants that it reads."""
        return sum(tensor.constant_bytes for tensor in self.inputs)


@dataclasses.dataclass(frozen=True)
class Report:
    """What a file holds.

    ``inputs`` and ``outputs`` are the model's, under their signature names if it has one.
    """

    ops: tuple[Op, ...]
    inputs: tuple[Tensor, ...]
    outputs: tuple[Tensor, ...]
    file_bytes: int

    @property
    def macs(self) -> int:
        """Multiply-accumulates of all ops."""
        return sum(op.macs for op in self.ops)

    @property
    def weight_bytes(self) -> int:
        """Bytes of all constants that ops read; one that several ops share counts once."""
        size_of_buffer = {
            tensor.buffer: tensor.constant_bytes for op in self.ops for tensor in op.inputs
        }
        return sum(size_of_buffer.values())

    @property
    def op_counts(self) -> dict[str, int]:
        """Number of ops by name, most frequent first."""
        return dict(collections.Counter(op.name for op in self.ops).most_common())

    def to_dict(self) -> Json:
        """Returns the report as plain dicts, lists and numbers, for JSON."""
        ops = []
        for op in self.ops:
            row = dataclasses.asdict(op)
            row["per_channel"] = op.per_channel
            row["weight_bytes"] = op.weight_bytes
            ops.append(row)
        return {
            "inputs": [dataclasses.asdict(tensor) for tensor in self.inputs],
            "outputs": [dataclasses.asdict(tensor) for tensor in self.outputs],
            "ops": ops,
            "op_counts": self.op_counts,
            "macs": self.macs,
            "weight_bytes": self.weight_bytes,
            "file_bytes": self.file_bytes,
            "float_tensors": float_tensors(self),
            "conversion_ops": [op.index for op in conversion_ops(self)],
        }


def op_report(model: schema.ModelT, file_bytes: int, name: str = "the model") -> Report:
    """Lists the ops of a parsed .tflite file, of all its subgraphs in file order.

    Args:
        model: as ``fqss_tf.tflite.flatbuffer.read_model`` gives it.
        file_bytes: size of the file.
        name: what an error message calls it.

    Returns:
        A :class:`Report`.

    Raises:
        FqssError: a value that no exporter writes.
    """
    with damage_as_error(name):
        ops: list[Op] = []
        for graph in model.subgraphs:
            tensors = [_tensor(entry, model.buffers) for entry in graph.tensors]
            for entry in graph.operators or []:
                ops.append(_op(len(ops), entry, tensors, model.operatorCodes))
        inputs, outputs = _ports(model)
    return Report(tuple(ops), inputs, outputs, file_bytes)


def float_tensors(report: Report) -> list[str]:
    """Names the float32 and float16 tensors that any op reads or writes, without repeats."""
    names = {
        tensor.name: None
        for op in report.ops
        for tensor in op.inputs + op.outputs
        if tensor.dtype in FLOAT_TYPES
    }
    return list(names)


def conversion_ops(report: Report) -> list[Op]:
    """Returns the QUANTIZE and DEQUANTIZE ops: what remains where quantization has a hole."""
    return [op for op in report.ops if op.name in CONVERSIONS]


def _tensor(entry: schema.TensorT, buffers: Sequence[schema.BufferT]) -> Tensor:
    quantization = entry.quantization
    scales = [] if quantization is None or quantization.scale is None else quantization.scale
    single = len(scales) == 1
    data = buffers[entry.buffer].data
    return Tensor(
        name=entry.name.decode(),
        shape=tuple(int(size) for size in ([] if entry.shape is None else entry.shape)),
        dtype=TYPE_NAMES[entry.type],
        scale=float(scales[0]) if single else None,
        zero_point=int(quantization.zeroPoint[0]) if single else None,
        per_channel=len(scales) > 1,
        buffer=entry.buffer,
        constant_bytes=0 if data is None else len(data),
    )


def _op(
    index: int,
    entry: schema.OperatorT,
    tensors: Sequence[Tensor],
    codes: Sequence[schema.OperatorCodeT],
) -> Op:
    code = codes[entry.opcodeIndex]
    # Files keep codes below 127 in the older one of these two fields.
    name = OP_NAMES[max(code.builtinCode, code.deprecatedBuiltinCode)]
    if name == "CUSTOM":
        name = code.customCode.decode()
    # -1 stands for an optional input that is left out.
    inputs = tuple(None if i == -1 else tensors[i] for i in entry.inputs)
    outputs = tuple(tensors[i] for i in entry.outputs)
    count_macs = MACS.get(name)
    macs = count_macs(inputs, outputs[0], entry.builtinOptions) if count_macs else 0
    return Op(index, name, tuple(filter(None, inputs)), outputs, macs)


# The inputs of an op; None stands for an optional one that is left out.
Inputs: TypeAlias = tuple[Tensor | None, ...]


def _needed(inputs: Inputs, position: int) -> Tensor:
    tensor = inputs[position]
    if tensor is None:
        raise ValueError(f"an op lacks its input {position}")
    return tensor


def _conv_2d(inputs: Inputs, output: Tensor, options: Any) -> int:
    _, height, width, channels = _needed(inputs, 1).shape
    return math.prod(output.shape) * height * width * channels


def _depthwise_conv_2d(inputs: Inputs, output: Tensor, options: Any) -> int:
    _, height, width, _ = _needed(inputs, 1).shape
    return math.prod(output.shape) * height * width


def _fully_connected(inputs: Inputs, output: Tensor, options: Any) -> int:
    return math.prod(output.shape) * _needed(inputs, 1).shape[-1]


def _transpose_conv(inputs: Inputs, output: Tensor, options: Any) -> int:
    # Each input value meets the whole kernel of its channel, also where padding crops the result.
    channels, height, width, _ = _needed(inputs, 1).shape
    return math.prod(_needed(inputs, 2).shape) * height * width * channels


def _batch_matmul(inputs: Inputs, output: Tensor, options: Any) -> int:
    contracted = -2 if options.adjX else -1
    return math.prod(output.shape) * _needed(inputs, 0).shape[contracted]


def _lstm(inputs: Inputs, output: Tensor, options: Any) -> int:
    units = output.shape[-1]
    return math.prod(output.shape) * 4 * (_needed(inputs, 0).shape[-1] + units)


MACS: dict[str, Callable[[Inputs, Tensor, Any], int]] = {
    "CONV_2D": _conv_2d,
    "DEPTHWISE_CONV_2D": _depthwise_conv_2d,
    "FULLY_CONNECTED": _fully_connected,
    "TRANSPOSE_CONV": _transpose_conv,
    "BATCH_MATMUL": _batch_matmul,
    "UNIDIRECTIONAL_SEQUENCE_LSTM": _lstm,
}


def _ports(model: schema.ModelT) -> tuple[tuple[Tensor, ...], tuple[Tensor, ...]]:
    graph = model.subgraphs[0]
    inputs, outputs = list(graph.inputs), list(graph.outputs)
    signature_names: dict[int, str] = {}
    for signature in model.signatureDefs or []:
        if signature.subgraphIndex == 0:
            for entry in signature.inputs + signature.outputs:
                signature_names[entry.tensorIndex] = entry.name.decode()

    def port(index: int) -> Tensor:
        tensor = _tensor(graph.tensors[index], model.buffers)
        return dataclasses.replace(tensor, name=signature_names.get(index, tensor.name))

    return tuple(map(port, inputs)), tuple(map(port, outputs))
