"""What LiteRT's integer LSTM kernel relies on without asking: every tensor, its shape and scale."""

import math
from collections.abc import Sequence

from ai_edge_litert import schema_py_generated as schema

INPUT, WEIGHTS, RECURRENT, BIASES = 0, range(1, 5), range(5, 9), range(12, 16)
STATES = HIDDEN, CELL = 18, 19
INPUTS, INTERMEDIATES = 24, 5
GIVEN = {INPUT, *WEIGHTS, *RECURRENT, *BIASES, *STATES}
TYPE = schema.TensorType
CELL_POWERS = range(-15, -8)  # of two, the scales that its tanh can read
IS_LSTM = schema.BuiltinOperator.UNIDIRECTIONAL_SEQUENCE_LSTM


def state_tensors(model: schema.ModelT, graph: schema.SubGraphT) -> set[int]:
    """Returns the indices of the tensors that the LSTM ops of a graph keep from step to step."""
    return {
        int(operator.inputs[position])
        for operator in ([] if graph.operators is None else graph.operators)
        if is_lstm(model.operatorCodes[operator.opcodeIndex])
        and operator.inputs is not None and len(operator.inputs) == INPUTS
        for position in STATES
    }


def is_lstm(code: schema.OperatorCodeT) -> bool:
    """Returns whether an operator code is the LSTM's."""
    return max(code.builtinCode, code.deprecatedBuiltinCode) == IS_LSTM


def lstm_faults(operator: schema.OperatorT, tensors: Sequence[schema.TensorT]) -> list[str]:
    """Returns what is wrong with an LSTM op, a list of at most one short text.

    Args:
        operator: an ``OperatorT`` whose indices all lead to one of ``tensors`` or are -1.
        tensors: of its graph.
    """
    inputs, outputs, between = (
        [] if indices is None else [int(index) for index in indices]
        for indices in (operator.inputs, operator.outputs, operator.intermediates)
    )
    if len(inputs) != INPUTS or {place for place in range(INPUTS) if inputs[place] >= 0} != GIVEN:
        return ["is an LSTM with other inputs than the integer kernel's"]
    if len(between) != INTERMEDIATES or -1 in between or len(outputs) != 1:
        return ["is an LSTM without its intermediate tensors"]
    output, hidden = tensors[outputs[0]], tensors[between[-1]]
    if len(_shape(output)) != 3:
        return ["is an LSTM of the wrong rank"]
    rows, positions, units = _shape(output)
    channels = _shape(tensors[inputs[INPUT]])[-1:]
    expected: dict[int, tuple[int, list[int]]] = {INPUT: (TYPE.INT8, [rows, positions, *channels])}
    expected |= dict.fromkeys(WEIGHTS, (TYPE.INT8, [units, *channels]))
    expected |= dict.fromkeys(RECURRENT, (TYPE.INT8, [units, units]))
    expected |= dict.fromkeys(BIASES, (TYPE.INT32, [units]))
    expected |= {HIDDEN: (TYPE.INT8, [rows, units]), CELL: (TYPE.INT16, [rows, units])}
    for place, kind in expected.items():
        tensor = tensors[inputs[place]]
        if (tensor.type, _shape(tensor)) != kind or not _has_one_scale(tensor):
            return [f"is an LSTM whose input {place} has another type, shape or scale"]
    for tensor in (output, hidden):
        if tensor.type != TYPE.INT8 or not _has_one_scale(tensor):
            return ["is an LSTM whose output has another type or scale"]
    cell = tensors[inputs[CELL]].quantization.scale[0]
    fraction, power = math.frexp(cell)
    if fraction != 0.5 or power - 1 not in CELL_POWERS:
        return ["is an LSTM whose cell has a scale that is no power of two in its reach"]
    options = operator.builtinOptions
    if not isinstance(options, schema.UnidirectionalSequenceLSTMOptionsT) or options.timeMajor:
        return ["is an LSTM with options of another op"]
    return []


def _shape(tensor: schema.TensorT) -> list[int]:
    return [] if tensor.shape is None else [int(size) for size in tensor.shape]


def _has_one_scale(tensor: schema.TensorT) -> bool:
    quantization = tensor.quantization
    return quantization is not None and quantization.scale is not None and (
        len(quantization.scale) == 1
    )
