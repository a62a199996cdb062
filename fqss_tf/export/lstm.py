"""The runtime's integer LSTM op in the place of the products that stand in for it.

The converter turns quantized loops into nothing that runs (docs/explain/measured.md), so
BidirectionalLstm gives it a product with the input and the output of the LSTM, and this module
puts the op there.
"""

import contextlib
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from ai_edge_litert import schema_py_generated as schema
from numpy.typing import NDArray

from fqss_tf.layers.lstm import DIGIT, StandIn
from fqss_tf.layers.stepped_lstm import SteppedLstm
from fqss_tf.quantization.bias import inner_scale, integer_weight
from fqss_tf.quantization.wrap import lstms
from fqss_tf.tflite.flatbuffer import pack_model, read_model
from fqss_tf.types import FloatArray, KerasLayer, KerasModel

LEFT_OUT = -1
GATES = 4
ACTIVATION = schema.ActivationFunctionType
TYPE = schema.TensorType
TYPES = {np.dtype(np.int8): TYPE.INT8, np.dtype(np.int16): TYPE.INT16,
         np.dtype(np.int32): TYPE.INT32}  # fmt: skip


@contextlib.contextmanager
def stand_ins(model: KerasModel) -> Iterator[list[StandIn]]:
    """Graphs of a quantized model traced inside have stand-ins; gives the list that names them."""
    noted: list[StandIn] = []
    replaced = [
        wrapper.layer for wrapper in lstms(model) if not isinstance(wrapper.layer, SteppedLstm)
    ]
    for layer in replaced:
        layer.stand_ins = noted
    try:
        yield noted
    finally:
        for layer in replaced:
            layer.stand_ins = None


@contextlib.contextmanager
def unrolled(model: KerasModel) -> Iterator[None]:
    """Graphs of a model traced inside have the steps of a SteppedLstm written out."""
    stepped = [layer for layer in model.submodules if isinstance(layer, SteppedLstm)]
    for layer in stepped:
        layer.unrolled = True
    try:
        yield
    finally:
        for layer in stepped:
            layer.unrolled = False


def with_lstm_ops(content: bytes, model: KerasModel, noted: Sequence[StandIn]) -> bytes:
    """Returns a converted .tflite with LSTM ops instead of the stand-ins.

    Args:
        content: bytes of the .tflite.
        model: the quantized Keras model, in mode ``deploy``, its biases snapped.
        noted: what ``stand_ins`` gave.
    """
    if not noted:
        return content
    wrapper_of = {wrapper.layer: wrapper for wrapper in lstms(model)}
    graph = _Graph(read_model(content))
    unseen = set(range(len(noted)))
    for op in list(graph.ops):
        number = graph.number_of(op)
        if number in unseen:
            unseen.remove(number)
            graph.replace(op, noted[number], wrapper_of[noted[number].layer])
    if unseen:
        names = ", ".join(noted[number].layer.name for number in sorted(unseen))
        raise RuntimeError(f"the converter has changed the stand-ins of {names}")
    return pack_model(graph.model)


class _Graph:
    """The first subgraph of a ``ModelT``, whose ops are replaced."""

    def __init__(self, model: schema.ModelT) -> None:
        self.model = model
        self.graph = model.subgraphs[0]
        self._codes: dict[str, int] = {}

    @property
    def ops(self) -> list[schema.OperatorT]:
        """The ops in the order of execution."""
        return self.graph.operators

    def number_of(self, op: schema.OperatorT) -> int | None:
        """Returns the number of the stand-in that an op is; of no meaning for another op."""
        code = self.model.operatorCodes[op.opcodeIndex]
        if max(code.builtinCode, code.deprecatedBuiltinCode) != (
            schema.BuiltinOperator.FULLY_CONNECTED
        ):
            return None
        kernel = self.graph.tensors[op.inputs[1]]
        data = self.model.buffers[kernel.buffer].data
        if kernel.type != TYPE.INT8 or data is None or np.any(data[2:]):
            return None
        return int(data[0]) * DIGIT + int(data[1])

    def replace(self, op: schema.OperatorT, stand_in: StandIn, wrapper: KerasLayer) -> None:
        """Puts the LSTM op of one direction, between two reshapes, where a stand-in is."""
        units, rows, positions = wrapper.layer.units, stand_in.rows, stand_in.positions
        source = self.graph.tensors[op.inputs[0]]
        hidden = self.graph.tensors[op.outputs[0]].quantization
        channels = int(source.shape[-1])
        entry = self._tensor("input", [rows, positions, channels], TYPE.INT8, source.quantization)
        weights, biases = self._weights(
            wrapper, stand_in.direction, float(source.quantization.scale[0])
        )
        cell = _quantization(inner_scale(wrapper, "cell"))
        states = [
            self._tensor("hidden_state", [rows, units], TYPE.INT8, hidden, variable=True),
            self._tensor("cell_state", [rows, units], TYPE.INT16, cell, variable=True),
        ]
        inputs = [
            entry, *weights, *[LEFT_OUT] * 3, *biases, *[LEFT_OUT] * 2, *states, *[LEFT_OUT] * 4,
        ]
        # The kernel asks for these five, and reads the scale of the last.
        gate = _quantization(2.0**-12)
        between = [self._tensor("gate", [1], TYPE.INT16, gate) for _ in range(GATES)]
        between.append(self._tensor("hidden", [1], TYPE.INT8, hidden))
        result = self._tensor("output", [rows, positions, units], TYPE.INT8, hidden)

        options = schema.UnidirectionalSequenceLSTMOptionsT()
        options.fusedActivationFunction = ACTIVATION.TANH
        lstm = self._op("UNIDIRECTIONAL_SEQUENCE_LSTM", inputs, [result], options)
        lstm.intermediates = np.array(between, np.int32)
        place = self.ops.index(op)
        self.ops[place : place + 1] = [
            self._reshape(op.inputs[0], entry), lstm, self._reshape(result, op.outputs[0]),
        ]

    def _weights(
        self, wrapper: KerasLayer, direction: str, input_scale: float
    ) -> tuple[list[int], list[int]]:
        """Constants of each gate: input and recurrent weights, and biases."""
        kernel, scales = integer_weight(wrapper, f"{direction}_kernel")
        weights = self._gates("kernel", kernel, scales)
        bias = getattr(wrapper.layer, f"{direction}_bias").numpy()
        biases = [
            self._constant(
                "bias", np.round(part / (input_scale * scale)).astype(np.int32),
                input_scale * scale,
            )
            for part, scale in zip(np.split(bias, GATES), scales, strict=True)
        ]
        recurrent = integer_weight(wrapper, f"{direction}_recurrent_kernel")
        return weights + self._gates("recurrent_kernel", *recurrent), biases

    def _gates(self, name: str, weight: NDArray[Any], scales: FloatArray) -> list[int]:
        return [
            self._constant(name, part.T, scale)
            for part, scale in zip(np.split(weight, GATES, axis=1), scales, strict=True)
        ]

    def _reshape(self, source: int, target: int) -> schema.OperatorT:
        options = schema.ReshapeOptionsT()
        options.newShape = self.graph.tensors[target].shape
        shape = self._constant("shape", np.asarray(options.newShape, np.int32), None)
        return self._op("RESHAPE", [source, shape], [target], options)

    def _op(
        self, name: str, inputs: Sequence[int], outputs: Sequence[int], options: Any
    ) -> schema.OperatorT:
        op = schema.OperatorT()
        op.opcodeIndex = self._code(name)
        op.inputs, op.outputs = np.array(inputs, np.int32), np.array(outputs, np.int32)
        kind = type(options).__name__.removesuffix("T")
        op.builtinOptionsType = getattr(schema.BuiltinOptions, kind)
        op.builtinOptions = options
        return op

    def _code(self, name: str) -> int:
        if name not in self._codes:
            code = schema.OperatorCodeT()
            code.builtinCode = getattr(schema.BuiltinOperator, name)
            code.deprecatedBuiltinCode = min(code.builtinCode, 127)
            code.version = 1
            self._codes[name] = len(self.model.operatorCodes)
            self.model.operatorCodes.append(code)
        return self._codes[name]

    def _tensor(
        self,
        name: str,
        shape: Sequence[int],
        kind: int,
        quantization: schema.QuantizationParametersT | None,
        buffer: int = 0,
        variable: bool = False,
    ) -> int:
        tensor = schema.TensorT()
        tensor.name = f"lstm_{len(self.graph.tensors)}_{name}".encode()
        tensor.shape = np.array(shape, np.int32)
        tensor.type, tensor.buffer, tensor.isVariable = kind, buffer, variable
        tensor.quantization, tensor.hasRank = quantization, True
        self.graph.tensors.append(tensor)
        return len(self.graph.tensors) - 1

    def _constant(self, name: str, values: NDArray[Any], scale: float | None) -> int:
        values = np.ascontiguousarray(values)
        self.model.buffers.append(schema.BufferT(np.frombuffer(values.tobytes(), np.uint8)))
        quantization = None if scale is None else _quantization(scale)
        return self._tensor(
            name, values.shape, TYPES[values.dtype], quantization, len(self.model.buffers) - 1
        )


def _quantization(scale: float) -> schema.QuantizationParametersT:
    quantization = schema.QuantizationParametersT()
    quantization.scale = np.array([scale], np.float32)
    quantization.zeroPoint = np.zeros(1, np.int64)
    return quantization
