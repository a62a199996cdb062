import numpy as np
import pytest
import tensorflow as tf

from fqss_tf.export.graphs import make_converter, run_int8_converter
from fqss_tf.tflite import TfliteFile, kernel_comparison
from fqss_tf.tflite.kernel_comparison import compare_kernels


def fake(values, low, high):
    return tf.quantization.fake_quant_with_min_max_args(values, low, high)


@pytest.fixture(scope="module")
def file():
    """A sum, and a mean of many values with a zero point."""

    def graph(mixture):
        values = fake(mixture, -1.0, 127 / 128)
        doubled = fake(tf.nn.relu(values + values), 0.0, 255 / 128)
        mean = tf.reduce_mean(doubled, axis=[1, 2, 3], keepdims=True)
        return {"mean": fake(mean, 0.0, 1.0)}

    signature = tf.TensorSpec([1, 1, 800, 128], tf.float32, name="mixture")
    return TfliteFile("mean.tflite", run_int8_converter(make_converter(graph, signature)))


def test_names_the_op_where_kernel_sets_part(file, monkeypatch):
    """Some processors' XNNPACK gets this mean wrong by itself; here it always is by 30 codes."""
    run_alone = kernel_comparison._run_alone

    def with_wrong_mean(model, index, values):
        (output,) = model.subgraphs[0].operators[index].outputs
        if model.subgraphs[0].tensors[output].name == b"Mean":
            return [values[int(output)] + np.int8(30)]
        return run_alone(model, index, values)

    monkeypatch.setattr(kernel_comparison, "_run_alone", with_wrong_mean)
    codes = np.random.default_rng(0).integers(-128, 128, (1, 1, 800, 128)).astype(np.int8)
    done = []
    found = compare_kernels(file, {"mixture": codes}, lambda *step: done.append(step))
    by_name = {op.name: op for op in found}
    assert by_name["ADD"].differing == 0 and by_name["ADD"].sqnr_db == np.inf
    assert by_name["MEAN"].codes == 1 and by_name["MEAN"].largest > 20
    assert len(done) == len(found)
