"""Networks of many blocks, on few channels and few samples."""

import pytest

from fqss_tf.export.convert import check_fully_integer
from fqss_tf.export.graphs import convert_quantized
from fqss_tf.models import registry
from fqss_tf.models.convtasnet.sizes import ConvTasNetConfig
from fqss_tf.models.dptnet.sizes import DPTNetConfig
from fqss_tf.quantization import folding, wrap
from fqss_tf.tflite import TfliteFile

SAMPLES = 800


def converted(config):
    """The report of the network's int8 file, two planes each way."""
    network = folding.add_planes(registry.build(config), config, input_planes=2, output_planes=2)
    model = wrap.quantize(network)
    wrap.set_mode(model, "deploy")
    return TfliteFile("model.tflite", convert_quantized(model, SAMPLES, 2, 2)).report


@pytest.mark.slow
@pytest.mark.parametrize("norm", ["global", "batch"])
def test_convtasnet_converts_without_a_float_tensor(norm):
    report = converted(
        ConvTasNetConfig(norm=norm, repeats=1, filters=64, bottleneck=16, skip=16, hidden=64)
    )
    check_fully_integer(report)
    assert sum(op.name == "CONV_2D" for op in report.ops) >= 3 * 8
    assert sum(op.name == "RSQRT" for op in report.ops) == (17 if norm == "global" else 0)


@pytest.mark.slow
def test_dptnet_converts_without_a_float_tensor():
    report = converted(DPTNetConfig(blocks=2, filters=32, width=16, hidden=16, chunk=50))
    check_fully_integer(report)
    # Two directions along the frames and two along the chunks in each of two blocks.
    assert sum(op.name == "UNIDIRECTIONAL_SEQUENCE_LSTM" for op in report.ops) == 4 * 2
    assert sum(op.name == "SOFTMAX" for op in report.ops) == 2 * 2
