"""The integer LSTM op against the simulation that is trained."""

import numpy as np
import pytest
from ai_edge_litert.interpreter import Interpreter, OpResolverType
from lstm_layers import ExportedLstm, code_inputs, lstm_network, sqnr

from fqss_tf.export.lstm import with_lstm_ops
from fqss_tf.layers.lstm import BidirectionalLstm, StandIn
from fqss_tf.quantization.wrap import ranges
from fqss_tf.tflite import TfliteFile
from fqss_tf.tflite.flatbuffer import pack_model, read_model
from fqss_tf.tflite.graph_check import faults
from fqss_tf.tflite.kernel_comparison import compare_kernels
from fqss_tf.tflite.op_report import conversion_ops, float_tensors

ROWS, STEPS, CHANNELS, UNITS = 3, 500, 8, 16


class Exported(ExportedLstm):
    """The layer, and ``expected``: what it gives in float."""

    def __init__(self):
        inputs = code_inputs(ROWS, STEPS, CHANNELS)
        network = lstm_network(BidirectionalLstm, CHANNELS, UNITS)
        self.expected = network(inputs).numpy()
        super().__init__(network, inputs, [inputs[:, :, :50]] * 60)


@pytest.fixture(scope="module")
def exported():
    return Exported()


@pytest.mark.parametrize("kernels", [OpResolverType.AUTO, OpResolverType.BUILTIN_REF])
def test_the_op_follows_the_simulation_over_500_steps(exported, kernels):
    hidden = exported.run(exported.inputs, kernels)
    assert sqnr(exported.simulated, hidden) >= 35
    late = slice(STEPS - 50, STEPS)
    assert sqnr(exported.simulated[:, :, late], hidden[:, :, late]) >= 35


def test_the_simulation_follows_float(exported):
    assert sqnr(exported.expected, exported.simulated) >= 30


def test_the_scale_is_the_trained_one(exported):
    (low, high) = ranges(exported.model)["lstm/hidden"]
    report = TfliteFile("lstm.tflite", exported.content).report
    ops = [op for op in report.ops if op.name == "UNIDIRECTIONAL_SEQUENCE_LSTM"]
    assert len(ops) == 2
    for op in ops:
        assert op.macs == ROWS * STEPS * 4 * UNITS * (CHANNELS + UNITS)
        assert op.outputs[0].scale == pytest.approx((high - low) / 255, rel=1e-6)
        assert [tensor.dtype for tensor in op.inputs] == (
            ["int8"] * 9 + ["int32"] * 4 + ["int8", "int16"]
        )
    assert float_tensors(report) == [] and conversion_ops(report) == []


def test_its_ops_are_compared_one_by_one(exported):
    engine = Interpreter(model_content=exported.content)
    (name,) = engine.get_signature_runner().get_input_details()
    codes = np.round(exported.inputs * 128).astype(np.int8)
    found = compare_kernels(TfliteFile("lstm.tflite", exported.content), {name: codes})
    lstms = [op for op in found if op.name == "UNIDIRECTIONAL_SEQUENCE_LSTM"]
    assert len(lstms) == 2 and all(op.differing == 0 for op in lstms)


def test_states_start_anew_with_each_segment(exported):
    fresh = exported.run(exported.inputs)
    np.testing.assert_array_equal(exported.run(exported.inputs, before=-exported.inputs), fresh)


def test_a_stand_in_that_is_not_found_is_an_error(exported):
    lost = StandIn(exported.model.get_layer("lstm").layer, "forwards", ROWS, STEPS)
    with pytest.raises(RuntimeError, match="changed the stand-ins of lstm"):
        with_lstm_ops(exported.content, exported.model, [lost])


# What the kernel takes on trust; each of these is refused before LiteRT sees the file.


def _lstm(graph):
    return next(op for op in graph.operators if len(op.inputs) == 24)


def _missing_bias(graph):
    op = _lstm(graph)
    op.inputs = [-1 if place == 12 else index for place, index in enumerate(op.inputs)]


def _few_inputs(graph):
    _lstm(graph).inputs = _lstm(graph).inputs[:20]


def _no_intermediates(graph):
    _lstm(graph).intermediates = None


def _unscaled_intermediate(graph):
    graph.tensors[_lstm(graph).intermediates[4]].quantization = None


def _short_weights(graph):
    tensor = graph.tensors[_lstm(graph).inputs[5]]
    tensor.shape = np.array([UNITS * UNITS, 1], np.int32)


def _cell_scale(graph):
    graph.tensors[_lstm(graph).inputs[19]].quantization.scale = [0.0003]


def _float_state(graph):
    graph.tensors[_lstm(graph).inputs[18]].type = 0


def _constant_state(graph):
    graph.tensors[_lstm(graph).inputs[18]].isVariable = False


def _other_variable(graph):
    graph.tensors[_lstm(graph).inputs[0]].isVariable = True


def _more_rows(graph):
    graph.tensors[_lstm(graph).inputs[18]].shape = np.array([ROWS + 1, UNITS], np.int32)


def _time_major(graph):
    _lstm(graph).builtinOptions.timeMajor = True


DAMAGE = [
    _missing_bias, _few_inputs, _no_intermediates, _unscaled_intermediate, _short_weights,
    _cell_scale, _float_state, _constant_state, _other_variable, _more_rows, _time_major,
]


def test_a_good_lstm_has_no_faults(exported):
    assert faults(read_model(exported.content)) == []


@pytest.mark.parametrize("damage", DAMAGE)
def test_a_damaged_lstm_has_faults(exported, damage):
    model = read_model(exported.content)
    damage(model.subgraphs[0])
    assert faults(read_model(pack_model(model)))
