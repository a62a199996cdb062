import json

import numpy as np
import pytest
import tf_keras
from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.interpreter import Interpreter

from fqss_tf.errors import FqssError
from fqss_tf.tflite import TfliteFile
from fqss_tf.tflite.flatbuffer import read_model
from fqss_tf.tflite.metadata import write_metadata
from fqss_tf.tflite.op_report import conversion_ops, float_tensors

# [1, 6, 5, 2] -> conv 3x3 to 4, same -> depthwise 3x1, valid -> dense to 7
CONV_MACS = 6 * 5 * 4 * (3 * 3 * 2)
DEPTHWISE_MACS = 4 * 5 * 4 * 3
DENSE_MACS = 7 * (4 * 5 * 4)
WEIGHTS = 3 * 3 * 2 * 4 + 3 * 4 + 80 * 7
BIASES = 4 + 4 + 7


def small_network():
    tf_keras.utils.set_random_seed(1)
    return tf_keras.Sequential(
        [
            tf_keras.layers.Input([6, 5, 2], 1),
            tf_keras.layers.Conv2D(4, 3, padding="same", bias_initializer="normal"),
            tf_keras.layers.DepthwiseConv2D([3, 1], bias_initializer="normal"),
            tf_keras.layers.Flatten(),
            tf_keras.layers.Dense(7, bias_initializer="normal"),
        ]
    )


def convert(network, int8=False, float_io=False):
    import tensorflow as tf

    converter = tf.lite.TFLiteConverter.from_keras_model(network)
    if int8:
        generator = np.random.default_rng(0)
        shape = network.input_shape
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
        converter.representative_dataset = lambda: (
            [generator.uniform(-1, 1, shape).astype(np.float32)] for _ in range(4)
        )
        if not float_io:
            converter.inference_input_type = converter.inference_output_type = tf.int8
    return converter.convert()


@pytest.fixture(scope="module")
def float_file():
    return convert(small_network())


@pytest.fixture(scope="module")
def int8_file():
    return convert(small_network(), int8=True)


def op_report(content, name="model.tflite"):
    return TfliteFile(name, content).report


def macs_by_op(report):
    return {op.name: op.macs for op in report.ops if op.macs}


@pytest.mark.parametrize("kind", ["float_file", "int8_file"])
def test_macs_agree_with_the_count_by_hand(kind, request):
    report = op_report(request.getfixturevalue(kind))
    assert macs_by_op(report) == {
        "CONV_2D": CONV_MACS,
        "DEPTHWISE_CONV_2D": DEPTHWISE_MACS,
        "FULLY_CONNECTED": DENSE_MACS,
    }
    assert report.macs == CONV_MACS + DEPTHWISE_MACS + DENSE_MACS


@pytest.mark.parametrize(
    "kind, expected", [("float_file", 4 * (WEIGHTS + BIASES)), ("int8_file", WEIGHTS + 4 * BIASES)]
)
def test_weight_bytes_agree_with_the_count_by_hand(kind, expected, request):
    report = op_report(request.getfixturevalue(kind))
    with_macs = [op for op in report.ops if op.macs]
    assert sum(op.weight_bytes for op in with_macs) == expected
    other_constants = sum(op.weight_bytes for op in report.ops if not op.macs)
    assert report.weight_bytes == expected + other_constants
    assert report.file_bytes == len(request.getfixturevalue(kind))


def test_a_constant_shared_by_two_ops_counts_once():
    dense = tf_keras.layers.Dense(8, use_bias=False)
    signal = tf_keras.Input([8], 1)
    report = op_report(convert(tf_keras.Model(signal, dense(dense(signal)))))
    assert [op.weight_bytes for op in report.ops] == [256, 256]
    assert report.weight_bytes == 256


def test_transposed_convolution_and_matrix_product():
    import tensorflow as tf

    shapes = [1, 1, 10, 3], [2, 5, 4], [2, 6, 4]

    @tf.function(input_signature=[tf.TensorSpec(shape) for shape in shapes])
    def compute(image, left, right):
        kernel = tf.reshape(tf.range(1 * 4 * 2 * 3, dtype=tf.float32), [1, 4, 2, 3])
        wide = tf.nn.conv2d_transpose(image, kernel, [1, 1, 22, 2], [1, 2], "VALID")
        return wide, tf.linalg.matmul(left, right, transpose_b=True)

    concrete = compute.get_concrete_function()
    report = op_report(tf.lite.TFLiteConverter.from_concrete_functions([concrete]).convert())
    assert macs_by_op(report) == {"TRANSPOSE_CONV": 10 * 3 * 4 * 2, "BATCH_MATMUL": 2 * 5 * 6 * 4}


def test_float_file_has_float_tensors_and_no_scales(float_file):
    report = op_report(float_file)
    assert float_tensors(report)
    assert conversion_ops(report) == []
    assert {tensor.scale for op in report.ops for tensor in op.outputs} == {None}
    assert report.inputs[0].dtype == "float32"
    assert report.inputs[0].shape == (1, 6, 5, 2)


def test_int8_file_has_neither_float_tensors_nor_conversions(int8_file):
    report = op_report(int8_file)
    assert float_tensors(report) == []
    assert conversion_ops(report) == []
    assert {op.name: op.per_channel for op in report.ops if op.macs}["CONV_2D"]


def test_float_input_and_output_show_as_conversions():
    report = op_report(convert(small_network(), int8=True, float_io=True))
    assert [op.name for op in conversion_ops(report)] == ["QUANTIZE", "DEQUANTIZE"]
    assert len(float_tensors(report)) == 2


def test_scales_are_those_the_interpreter_reports(int8_file):
    report = op_report(int8_file)
    interpreter = Interpreter(model_content=int8_file)
    for ports, details in (
        (report.inputs, interpreter.get_input_details()),
        (report.outputs, interpreter.get_output_details()),
    ):
        (port,), (detail,) = ports, details
        assert (port.scale, port.zero_point) == detail["quantization"]
        assert port.shape == tuple(detail["shape"])


def test_ports_carry_the_signature_names(int8_file):
    signature = Interpreter(model_content=int8_file).get_signature_list()["serving_default"]
    report = op_report(int8_file)
    assert [port.name for port in report.inputs] == signature["inputs"]
    assert [port.name for port in report.outputs] == signature["outputs"]


def test_the_dict_is_json_with_the_totals(int8_file):
    plain = json.loads(json.dumps(op_report(int8_file).to_dict()))
    assert plain["macs"] == sum(op["macs"] for op in plain["ops"])
    assert plain["op_counts"]["CONV_2D"] == 1
    assert plain["float_tensors"] == []


def output_of(content):
    interpreter = Interpreter(model_content=content)
    interpreter.allocate_tensors()
    detail = interpreter.get_input_details()[0]
    values = np.random.default_rng(3).integers(-128, 128, detail["shape"]).astype(detail["dtype"])
    interpreter.set_tensor(detail["index"], values)
    interpreter.invoke()
    return interpreter.get_tensor(interpreter.get_output_details()[0]["index"])


def read_metadata(content):
    model = read_model(content)
    return [
        json.loads(model.buffers[entry.buffer].data.tobytes())
        for entry in model.metadata
        if entry.name == b"fqss"
    ]


@pytest.mark.parametrize("kind", ["float_file", "int8_file"])
def test_metadata_comes_back_and_the_model_computes_the_same(kind, request):
    content = request.getfixturevalue(kind)
    description = {"format": 1, "sources": ["speech_1", "speech_2"]}
    described = write_metadata(content, description)
    assert read_metadata(described) == [description]
    assert len(described) < len(content) + 2000
    assert output_of(described).tobytes() == output_of(content).tobytes()


def test_metadata_is_replaced_not_repeated(int8_file):
    once = write_metadata(int8_file, {"segment": 1})
    twice = write_metadata(once, {"segment": 2})
    assert read_metadata(twice) == [{"segment": 2}]
    assert len(twice) == len(once)


def test_other_metadata_survives(int8_file):
    before = [entry.name for entry in read_model(int8_file).metadata]
    after = [entry.name for entry in read_model(write_metadata(int8_file, {})).metadata]
    assert after == [*before, b"fqss"]


def test_buffers_stay_aligned_for_the_runtime(int8_file):
    described = write_metadata(int8_file, {"odd": "number of bytes"})
    model = schema.Model.GetRootAs(described)
    for index in range(model.BuffersLength()):
        buffer = model.Buffers(index)
        if buffer.DataLength():
            start = buffer._tab.Vector(buffer._tab.Offset(4))
            assert start % 16 == 0


@pytest.mark.parametrize("content", [b"", b"TFL3", b"RIFF\0\0\0\0WAVEfmt ", b"\0" * 64])
def test_other_files_are_refused(content):
    with pytest.raises(FqssError, match="clip.wav is not a .tflite file"):
        op_report(content, "clip.wav")


@pytest.mark.parametrize("describe", [bytes, lambda content: write_metadata(content, {"a": 1})])
def test_a_file_cut_short_anywhere_is_refused(int8_file, describe):
    content = describe(int8_file)
    for length in [*range(8, len(content), 31), len(content) - 1]:
        with pytest.raises(FqssError, match="^half.tflite is damaged"):
            op_report(content[:length], "half.tflite")


def test_overwritten_bytes_raise_nothing_but_fqss_errors(int8_file):
    generator = np.random.default_rng(5)
    for _ in range(300):
        damaged = np.frombuffer(int8_file, np.uint8).copy()
        damaged[generator.integers(8, len(damaged), 20)] = generator.integers(0, 256, 20)
        try:
            op_report(damaged.tobytes())
        except FqssError:
            continue
