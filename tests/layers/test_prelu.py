import numpy as np
import pytest
import tensorflow as tf
import tf_keras as keras
from ai_edge_litert.interpreter import Interpreter, OpResolverType

from fqss_tf.export.graphs import make_converter, run_int8_converter
from fqss_tf.layers.prelu import FixedSlopePReLU

SLOPES = (0.3, 0.05, -0.4, 1.4, 1.0)
STEP = 1 / 64
CODES = np.arange(-128, 128)


def fake(low, high):
    return lambda values: tf.quantization.fake_quant_with_min_max_args(values, low, high)


def quantized(slope):
    layer = FixedSlopePReLU(slope)
    layer.quantized, layer.mode = True, "deploy"
    layer.inner_activations = {
        "value": fake(-128 * STEP, 127 * STEP),
        "negative": fake(0.0, abs(1 - slope) * 128 * STEP or 1.0),
    }
    return layer


@pytest.mark.parametrize("slope", SLOPES)
def test_float_form_is_prelu(slope):
    values = np.linspace(-1, 1, 101, dtype=np.float32)
    expected = np.where(values < 0, slope * values, values)
    np.testing.assert_allclose(FixedSlopePReLU(slope)(values), expected, atol=1e-6)


@pytest.mark.parametrize("kernels", [OpResolverType.AUTO, OpResolverType.BUILTIN_REF])
@pytest.mark.parametrize("slope", SLOPES)
def test_every_code_is_right_with_every_kernel_set(slope, kernels):
    layer = quantized(slope)
    converter = make_converter(
        lambda values: {"output": layer(values)},
        tf.TensorSpec([1, 1, 256, 1], tf.float32, name="values"),
    )
    engine = Interpreter(
        model_content=run_int8_converter(converter), experimental_op_resolver_type=kernels
    )
    engine.allocate_tensors()
    (entry,), (output,) = engine.get_input_details(), engine.get_output_details()
    engine.set_tensor(entry["index"], CODES.astype(np.int8).reshape(1, 1, 256, 1))
    engine.invoke()
    found = engine.get_tensor(output["index"]).ravel()
    exact = np.clip(np.where(CODES < 0, slope * CODES, CODES), -128, 127)
    assert np.abs(found - exact).max() <= 1.01  # two roundings
    assert abs((found - exact).mean()) < 0.06  # and no bias: it would add up
    np.testing.assert_array_equal(found[128:], exact[128:])


def test_survives_being_saved():
    layer = FixedSlopePReLU.from_config(FixedSlopePReLU(0.3, name="one").get_config())
    assert (layer.slope, layer.name) == (0.3, "one")


def test_calibrating_sees_input_and_output():
    layer, seen = FixedSlopePReLU(-2.0), []
    layer.quantized = True

    def value(values):
        seen.append(values.numpy())
        return values

    layer.inner_activations = {"value": value, "negative": keras.activations.linear}
    outputs = layer(tf.constant([-1.0, 0.5]))
    np.testing.assert_allclose(outputs, [2.0, 0.5])
    assert (np.min(seen), np.max(seen)) == (-1.0, 2.0)
