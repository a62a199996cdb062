import time

import pytest

from fqss_tf.export.convert import check_fully_integer
from fqss_tf.export.graphs import convert_quantized
from fqss_tf.models import registry
from fqss_tf.models.convtasnet.sizes import ConvTasNetConfig
from fqss_tf.models.dptnet.sizes import DPTNetConfig
from fqss_tf.quantization import folding, wrap
from fqss_tf.tflite import TfliteFile


@pytest.mark.slow
@pytest.mark.parametrize("norm", ["global", "batch"])
def test_the_published_network_converts_without_a_float_tensor(norm):
    config = ConvTasNetConfig(norm=norm)
    network = folding.add_planes(
        registry.build(config), config, input_planes=2, output_planes=2
    )
    model = wrap.quantize(network)
    wrap.set_mode(model, "deploy")
    started = time.monotonic()
    report = TfliteFile("model.tflite", convert_quantized(model, 8000, 2, 2)).report
    print(f"{norm}: converted in {time.monotonic() - started:.0f} s")
    check_fully_integer(report)
    assert sum(op.name == "CONV_2D" for op in report.ops) >= 3 * 24
    assert sum(op.name == "RSQRT" for op in report.ops) == (49 if norm == "global" else 0)


@pytest.mark.slow
def test_the_published_dptnet_converts_without_a_float_tensor():
    config = DPTNetConfig()
    network = folding.add_planes(registry.build(config), config, input_planes=2, output_planes=2)
    model = wrap.quantize(network)
    wrap.set_mode(model, "deploy")
    report = TfliteFile("model.tflite", convert_quantized(model, 8000, 2, 2)).report
    check_fully_integer(report)
    # Two directions along the frames and two along the chunks in each of six blocks.
    assert sum(op.name == "UNIDIRECTIONAL_SEQUENCE_LSTM" for op in report.ops) == 4 * 6
    assert sum(op.name == "SOFTMAX" for op in report.ops) == 2 * 6
