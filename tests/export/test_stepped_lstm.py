"""The LSTM as plain 8-bit ops: what it computes, and that every step of it is XNNPACK's."""

import numpy as np
import pytest
import tensorflow as tf
from ai_edge_litert.interpreter import OpResolverType
from lstm_layers import ExportedLstm, code_inputs, lstm_network, sqnr

from fqss_tf.export.lstm import unrolled
from fqss_tf.layers.lstm import BidirectionalLstm
from fqss_tf.layers.stepped_lstm import SteppedLstm
from fqss_tf.quantization.wrap import calibrate, quantize
from fqss_tf.tflite import TfliteFile
from fqss_tf.tflite.delegation import delegation
from fqss_tf.tflite.op_report import conversion_ops, float_tensors

ROWS, STEPS, CHANNELS, UNITS = 3, 60, 8, 16


class Case(ExportedLstm):
    """The layer, and ``expected``: what the one with the loop gives in float."""

    def __init__(self):
        inputs = code_inputs(ROWS, STEPS, CHANNELS)
        self.calibration = [inputs] * 20
        super().__init__(lstm_network(SteppedLstm, CHANNELS, UNITS), inputs, self.calibration)
        self.expected = lstm_network(BidirectionalLstm, CHANNELS, UNITS)(inputs).numpy()

    def quantized(self, bits):
        model = quantize(self.network, bits)
        calibrate(model, self.calibration)
        return model


@pytest.fixture(scope="module")
def case():
    return Case()


def test_float_is_the_same_function_step_by_step(case):
    np.testing.assert_allclose(case.network(case.inputs), case.expected, atol=1e-6)
    with unrolled(case.network):
        np.testing.assert_allclose(case.network(case.inputs), case.expected, atol=1e-6)


def test_written_out_steps_round_as_the_loop_does(case):
    with unrolled(case.model):
        np.testing.assert_allclose(case.model(case.inputs), case.simulated, atol=1e-6)


def test_many_bits_are_near_float(case):
    coarse = sqnr(case.expected, case.simulated)
    fine = sqnr(case.expected, case.quantized(16)(case.inputs).numpy())
    assert coarse >= 24
    assert fine >= coarse + 30


@pytest.mark.parametrize("kernels", [OpResolverType.AUTO, OpResolverType.BUILTIN_REF])
def test_integers_follow_the_simulation(case, kernels):
    hidden = case.run(case.inputs, kernels)
    assert sqnr(case.simulated, hidden) >= 30  # measured: 34 to 38 dB
    late = slice(STEPS - 10, STEPS)
    assert sqnr(case.simulated[:, :, late], hidden[:, :, late]) >= 30


def test_xnnpack_takes_every_step(case):
    file = TfliteFile("lstm.tflite", case.content)
    assert float_tensors(file.report) == [] and conversion_ops(file.report) == []
    outside = delegation(file).left_out(op.name for op in file.report.ops)
    # What comes before all steps and behind them, in each direction.
    assert outside == {"UNPACK": 2, "CONCATENATION": 2}


def test_every_trained_variable_has_a_gradient(case):
    model = case.quantized(8)
    with tf.GradientTape() as tape:
        loss = tf.reduce_mean((model(case.inputs, training=True) - 0.1) ** 2)
    variables = model.trainable_variables
    for variable, gradient in zip(variables, tape.gradient(loss, variables), strict=True):
        assert gradient is not None, variable.name
        assert np.isfinite(gradient.numpy()).all(), variable.name
        assert np.any(gradient.numpy() != 0), variable.name
