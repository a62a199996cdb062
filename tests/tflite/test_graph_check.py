import copy

import pytest
from ai_edge_litert import schema_py_generated as schema

from fqss_tf.errors import FqssError
from fqss_tf.tflite import TfliteFile
from fqss_tf.tflite.flatbuffer import pack_model, read_model
from fqss_tf.tflite.graph_check import faults


def metadata_of(path):
    return TfliteFile.open(path).metadata


@pytest.fixture(scope="module")
def good(tiny_tflite):
    return read_model(tiny_tflite.read_bytes())


@pytest.fixture
def model(good):
    return copy.deepcopy(good)


def convolution(graph):
    """The operator, and the tensors that it reads."""
    for operator in graph.operators:
        if isinstance(operator.builtinOptions, schema.Conv2DOptionsT):
            return operator, [graph.tensors[index] for index in operator.inputs]


@pytest.mark.parametrize(
    "name", ["tiny_tflite", "tiny_int16_tflite", "tiny_float_tflite", "step_tflite"]
)
def test_good_models_have_no_faults(request, name):
    assert faults(read_model(request.getfixturevalue(name).read_bytes())) == []


def _stride(graph):
    convolution(graph)[0].builtinOptions.strideW = 0


def _padding(graph):
    convolution(graph)[0].builtinOptions.padding = 9


def _missing_input(graph):
    operator = convolution(graph)[0]
    operator.inputs = operator.inputs[:1]


def _absent_input(graph):
    convolution(graph)[0].inputs[1] = -1


def _shape(graph):
    graph.tensors[0].shape = [1, -1, 800, 2]


def _huge_shape(graph):
    graph.tensors[graph.inputs[0]].shape = [1, 1, 2**15, 2**15]


def _type(graph):
    graph.tensors[0].type = 99


def _short_constant(graph):
    convolution(graph)[1][1].shape = [4, 1, 1, 3]


def _few_scales(graph):
    quantization = convolution(graph)[1][1].quantization
    quantization.scale = [0.1, 0.2, 0.3]
    quantization.zeroPoint = [0, 0, 0]


def _scale(graph):
    convolution(graph)[1][0].quantization.scale = [float("nan")]


def _zero_point(graph):
    convolution(graph)[1][0].quantization.zeroPoint = [200]


def _zero_points(graph):
    convolution(graph)[1][0].quantization.zeroPoint = [0, 0]


def _axis(graph):
    convolution(graph)[1][1].quantization.quantizedDimension = 4


def _variable(graph):
    graph.tensors[0].isVariable = True


def _read_before_written(graph):
    graph.operators = graph.operators[::-1]


def _written_twice(graph):
    graph.operators.append(graph.operators[0])


def _no_output(graph):
    graph.operators = graph.operators[:1]


@pytest.mark.parametrize("spoil, message", [
    (_stride, "strideW 0"), (_padding, "unknown padding 9"), (_missing_input, "with 1 inputs"),
    (_absent_input, "without one of its inputs"), (_shape, "impossible shape"),
    (_huge_shape, "impossible shape"), (_type, "unknown type 99"), (_short_constant, "bytes for"),
    (_few_scales, "3 scales"), (_scale, "not a positive number"),
    (_zero_point, "zero point outside"),
    (_zero_points, "2 zero points"), (_axis, "along axis 4"), (_variable, "variable"),
    (_read_before_written, "reads what nothing wrote"), (_written_twice, "already there"),
    (_no_output, "written by no op"),
])  # fmt: skip
def test_what_no_exporter_writes_is_named(model, spoil, message, tmp_path):
    spoil(model.subgraphs[0])
    assert any(message in fault for fault in faults(model)), faults(model)
    path = tmp_path / "a.tflite"
    path.write_bytes(pack_model(model))
    with pytest.raises(FqssError, match="a.tflite"):
        metadata_of(path)


def test_a_depthwise_convolution_has_a_bias(step_tflite):
    model = read_model(step_tflite.read_bytes())
    depthwise = next(
        operator for operator in model.subgraphs[0].operators
        if isinstance(operator.builtinOptions, schema.DepthwiseConv2DOptionsT)
    )
    depthwise.inputs = depthwise.inputs[:2]  # ends the process in LiteRT 2.3
    assert any("DEPTHWISE_CONV_2D with 2 inputs" in fault for fault in faults(model))


def test_a_signature_of_a_missing_tensor_is_named(model):
    model.signatureDefs[0].outputs[0].tensorIndex = 1000
    assert "a signature names a tensor that is not there" in faults(model)


@pytest.fixture
def loop():
    """A model whose op WHILE runs two further graphs."""
    import tensorflow as tf

    @tf.function(input_signature=[tf.TensorSpec([4])])
    def network(signal):
        return tf.while_loop(lambda x: x[0] < 9.0, lambda x: (2.0 * x + 1.0,), (signal,))[0]

    converter = tf.lite.TFLiteConverter.from_concrete_functions([network.get_concrete_function()])
    return schema.ModelT.InitFromPackedBuf(bytearray(converter.convert()))


def test_a_loop_runs_graphs_behind_its_own(loop):
    assert len(loop.subgraphs) == 3 and faults(loop) == []
    (options,) = (
        operator.builtinOptions for operator in loop.subgraphs[0].operators
        if hasattr(operator.builtinOptions, "bodySubgraphIndex")
    )
    for wrong in (0, 3):
        options.bodySubgraphIndex = wrong
        assert any("bodySubgraphIndex" in fault for fault in faults(loop))


def test_every_graph_is_checked(loop):
    loop.subgraphs[2].tensors[0].type = 99
    assert any("unknown type 99" in fault for fault in faults(loop))


def ends(model, name):
    """The tensors by which a state enters and leaves."""
    (signature,) = model.signatureDefs
    return [
        next(
            model.subgraphs[0].tensors[entry.tensorIndex]
            for entry in ports if entry.name == name.encode()
        )
        for ports in (signature.inputs, signature.outputs)
    ]


def _other_zero_point(model, name):
    quantization = ends(model, name)[1].quantization
    quantization.zeroPoint = quantization.zeroPoint + 1


def _other_scale(model, name):
    quantization = ends(model, name)[1].quantization
    quantization.scale = quantization.scale * 2


def _other_shape(model, name):
    tensor = ends(model, name)[1]
    tensor.shape = [*tensor.shape[:2], tensor.shape[2] + 1, tensor.shape[3]]


def _no_scale(model, name):
    for end in ends(model, name):
        end.quantization.scale = end.quantization.zeroPoint = None


def _only_an_input(model, name):
    (signature,) = model.signatureDefs
    signature.outputs = [entry for entry in signature.outputs if entry.name != name.encode()]


@pytest.mark.parametrize(
    "change", [_other_zero_point, _other_scale, _other_shape, _no_scale, _only_an_input]
)
def test_a_state_must_leave_as_it_enters(step_tflite, change, tmp_path):
    model = read_model(step_tflite.read_bytes())
    states = metadata_of(step_tflite).states
    assert faults(model, states) == []
    change(model, states[3])
    path = tmp_path / "changed.tflite"
    path.write_bytes(pack_model(model))
    with pytest.raises(FqssError, match=f"changed.tflite is damaged, state {states[3]} is not"):
        metadata_of(path)
