import numpy as np
import pytest
import tensorflow as tf
from ai_edge_litert.interpreter import Interpreter, OpResolverType

from fqss_tf.export.graphs import make_converter, run_int8_converter
from fqss_tf.layers.elu import ComposedElu

STEP, ZERO = 1 / 40, 28  # of the input, which goes from -3.9 to 2.475
OUTPUT_STEP, OUTPUT_ZERO = 3.5 / 255, -55  # of the output, from -1.002 to 2.498
CODES = np.arange(-128, 128)


def fake(step, zero):
    low, high = step * (-128 - zero), step * (127 - zero)
    return lambda values: tf.quantization.fake_quant_with_min_max_args(values, low, high)


def quantized(mode):
    layer = ComposedElu()
    layer.quantized, layer.mode = True, mode
    layer.inner_activations = {
        "positive": fake(STEP, ZERO), "negative": fake(STEP, ZERO),
        "exponential": fake(1 / 255, -128), "below": fake(1 / 255, 127),
    }
    return layer


def test_the_float_form_is_elu():
    values = np.linspace(-20, 20, 101, dtype=np.float32)
    np.testing.assert_allclose(ComposedElu()(values), tf.nn.elu(values), atol=1e-6)


@pytest.mark.parametrize("kernels", [OpResolverType.AUTO, OpResolverType.BUILTIN_REF])
def test_every_code_is_that_of_the_simulation_with_every_kernel_set(kernels):
    layer, output = quantized("deploy"), fake(OUTPUT_STEP, OUTPUT_ZERO)
    converter = make_converter(
        lambda values: {"output": output(layer(fake(STEP, ZERO)(values)))},
        tf.TensorSpec([1, 1, 256, 1], tf.float32, name="values"),
    )
    engine = Interpreter(
        model_content=run_int8_converter(converter), experimental_op_resolver_type=kernels
    )
    engine.allocate_tensors()
    (entry,), (given,) = engine.get_input_details(), engine.get_output_details()
    np.testing.assert_allclose(entry["quantization"], (STEP, ZERO), rtol=1e-5)
    np.testing.assert_allclose(given["quantization"], (OUTPUT_STEP, OUTPUT_ZERO), rtol=1e-5)
    engine.set_tensor(entry["index"], CODES.astype(np.int8).reshape(1, 1, 256, 1))
    engine.invoke()
    found = (engine.get_tensor(given["index"]).ravel().astype(float) - OUTPUT_ZERO) * OUTPUT_STEP
    values = ((CODES - ZERO) * STEP).astype(np.float32)
    assert np.abs(found - np.where(values < 0, np.expm1(values), values)).max() <= 1.02 * (
        OUTPUT_STEP / 2 + 1 / 255 / 2
    )
    simulated = output(quantized("quantize")(values)).numpy()
    difference = np.abs(found - simulated) / OUTPUT_STEP
    assert difference.max() <= 1.01 and np.mean(difference > 0.5) <= 0.02
    assert not {op["op_name"] for op in engine._get_ops_details()} & {"DEQUANTIZE", "ELU", "RELU"}
