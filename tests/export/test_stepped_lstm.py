"""The LSTM as plain 8-bit ops: what it computes, and that every step of it is XNNPACK's."""

import numpy as np
import pytest
import tensorflow as tf
import tf_keras as keras
from ai_edge_litert.interpreter import Interpreter, OpResolverType

from fqss_tf.export.graphs import convert_int8_function
from fqss_tf.export.lstm import unrolled
from fqss_tf.layers.lstm import BidirectionalLstm
from fqss_tf.layers.planes import Splitter
from fqss_tf.layers.stepped_lstm import SteppedLstm
from fqss_tf.quantization.bias import snap_biases
from fqss_tf.quantization.wrap import calibrate, quantize, set_mode
from fqss_tf.tflite import TfliteFile
from fqss_tf.tflite.delegation import delegation
from fqss_tf.tflite.op_report import conversion_ops, float_tensors

ROWS, STEPS, CHANNELS, UNITS = 3, 60, 8, 16


def network_of(layer):
    keras.utils.set_random_seed(0)
    entry = keras.Input((None, None, CHANNELS))
    network = keras.Model(entry, layer(UNITS, name="lstm")(Splitter(1, name="splitter")(entry)))
    network.set_weights([2 * weight for weight in network.get_weights()])
    return network


class Case:
    """One layer behind an 8-bit input: float, simulated, and as a .tflite."""

    def __init__(self):
        codes = np.random.default_rng(0).integers(-128, 128, (1, ROWS, STEPS, CHANNELS))
        self.inputs = (codes / 128).astype(np.float32)
        self.network = network_of(SteppedLstm)
        self.expected = network_of(BidirectionalLstm)(self.inputs).numpy()
        self.model = self.quantized(8)
        snap_biases(self.model)
        set_mode(self.model, "deploy")
        signature = tf.TensorSpec(self.inputs.shape, tf.float32)
        self.content = convert_int8_function(
            lambda inputs: {"hidden": self.model(inputs, training=False)}, self.model, signature
        )
        self.simulated = self.model(self.inputs).numpy()

    def quantized(self, bits):
        model = quantize(self.network, bits)
        calibrate(model, [self.inputs] * 20)
        return model

    def run(self, kernels):
        engine = Interpreter(model_content=self.content, experimental_op_resolver_type=kernels)
        engine.allocate_tensors()
        (entry,), (output,) = engine.get_input_details(), engine.get_output_details()
        engine.set_tensor(entry["index"], np.round(self.inputs * 128).astype(np.int8))
        engine.invoke()
        scale, zero_point = output["quantization"]
        return scale * (engine.get_tensor(output["index"]).astype(np.float32) - zero_point)


@pytest.fixture(scope="module")
def case():
    return Case()


def sqnr(signal, noisy):
    return 10 * np.log10(np.sum(signal**2) / np.sum((noisy - signal) ** 2))


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
    hidden = case.run(kernels)
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
