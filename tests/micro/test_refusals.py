"""What plain C has not is refused in one line that names it, and nothing is written."""

import copy

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema

from fqss_tf.errors import FqssError
from fqss_tf.micro.package import write_package
from fqss_tf.tflite.file import TfliteFile
from fqss_tf.tflite.flatbuffer import pack_model
from fqss_tf.tflite.op_report import OP_NAMES

CODES = {name: code for code, name in OP_NAMES.items()}


class Model:
    """A parsed model that a test spoils."""

    def __init__(self, file):
        self.model = copy.deepcopy(file.model)
        self.graph = self.model.subgraphs[0]
        self.tensors = self.graph.tensors

    def named(self, op):
        code = self.model.operatorCodes[op.opcodeIndex]
        return OP_NAMES[max(code.builtinCode, code.deprecatedBuiltinCode)]

    def ops(self, name):
        return [op for op in self.graph.operators if self.named(op) == name]

    def op(self, name, fits=lambda op: True):
        return next(op for op in self.ops(name) if fits(op))

    def wide(self, op):
        """Whether a convolution has two taps."""
        return self.tensors[op.inputs[1]].shape[2] == 2

    def option(self, name, option, value, fits=lambda op: True):
        setattr(self.op(name, fits).builtinOptions, option, value)

    def become(self, name, other):
        """Makes one op of a kind an op of another."""
        op = self.op(name)
        code = schema.OperatorCodeT()
        code.builtinCode = code.deprecatedBuiltinCode = CODES[other]
        self.model.operatorCodes.append(code)
        op.opcodeIndex = len(self.model.operatorCodes) - 1
        return op

    def constant(self, tensor, numbers):
        """Gives one tensor a constant of its own."""
        data = np.asarray(numbers)
        self.model.buffers.append(schema.BufferT(data=data.ravel().view(np.uint8)))
        self.tensors[tensor].buffer = len(self.model.buffers) - 1

    def private(self, op, place):
        """Gives an op a constant input of its own; returns (tensor number, its integers)."""
        entry = copy.deepcopy(self.tensors[op.inputs[place]])
        numbers = np.frombuffer(bytes(self.model.buffers[entry.buffer].data), np.int32).copy()
        self.tensors.append(entry)
        op.inputs = [*op.inputs]
        op.inputs[place] = len(self.tensors) - 1
        return len(self.tensors) - 1, numbers


def float_tensor(model):
    tensor = model.tensors[model.op("ADD").outputs[0]]
    tensor.type, tensor.quantization = schema.TensorType.FLOAT32, None


def wide_tensor(model):
    model.tensors[model.op("ADD").outputs[0]].type = schema.TensorType.INT16


def unknown_op(model):
    model.become("ADD", "MAXIMUM").builtinOptionsType = schema.BuiltinOptions.NONE


def custom_op(model):
    op = model.become("MUL", "CUSTOM")
    model.model.operatorCodes[op.opcodeIndex].customCode = b"Mine"


def rescaling_concatenation(model):
    source = model.op("CONCATENATION").inputs[1]
    model.tensors[source].quantization.scale = [0.5]


def shifted_reshape(model):
    model.tensors[model.op("RESHAPE").inputs[0]].quantization.zeroPoint = [3]


def joined_with_relu(model):
    model.option("CONCATENATION", "fusedActivationFunction", 1)


def stride(model):
    model.option("CONV_2D", "strideW", 2)


def high_stride(model):
    model.option("DEPTHWISE_CONV_2D", "strideH", 2)


def padding(model):
    model.option("CONV_2D", "padding", 0, model.wide)


def padded_depthwise(model):
    model.option("DEPTHWISE_CONV_2D", "padding", 0)


def dilation(model):
    model.option("CONV_2D", "dilationWFactor", 2, model.wide)


def multiplied_depth(model):
    model.option("DEPTHWISE_CONV_2D", "depthMultiplier", 2)


def relu6(model):
    model.option("CONV_2D", "fusedActivationFunction", 3)


def tanh_sum(model):
    model.option("ADD", "fusedActivationFunction", 4)


def high_kernel(model):
    kernel = model.tensors[model.op("CONV_2D", model.wide).inputs[1]]
    outputs, _, _, channels = kernel.shape
    kernel.shape = [outputs, 2, 1, channels]


def no_bias(model):
    op = model.op("CONV_2D")
    op.inputs = list(op.inputs[:2])


def kernel_with_zero_point(model):
    quantization = model.tensors[model.op("CONV_2D").inputs[1]].quantization
    quantization.zeroPoint = [1] * len(quantization.scale)


def huge_bias(model):
    op = model.op("CONV_2D")
    tensor, numbers = model.private(op, 2)
    model.constant(tensor, np.full_like(numbers, 2**31 - 1))


def strided_slice(model):
    op = model.op("STRIDED_SLICE")
    tensor, numbers = model.private(op, 3)
    numbers[2] = 2
    model.constant(tensor, numbers)


def new_axis(model):
    model.option("STRIDED_SLICE", "newAxisMask", 1)


def state_from_the_middle(model):
    _, op = _first_update(model)
    place = 1
    tensor, begins = model.private(op, place)
    begins[2] -= 1
    model.constant(tensor, begins)
    ends_tensor, ends = model.private(op, 2)
    ends[2] = -1
    model.constant(ends_tensor, ends)
    op.builtinOptions.endMask = 11


def state_behind_the_new(model):
    state, op = _first_update(model)
    join = next(each for each in model.ops("CONCATENATION") if each.outputs[0] == op.inputs[0])
    join.inputs = list(join.inputs)[::-1]


def lost_state(model):
    signature = model.model.signatureDefs[0]
    signature.outputs = [entry for entry in signature.outputs if b"past" not in entry.name]


def two_graphs(model):
    model.model.subgraphs.append(copy.deepcopy(model.graph))


def no_scale(model):
    model.tensors[model.op("ADD").outputs[0]].quantization.scale = []


def two_outputs(model):
    op = model.op("ADD")
    op.outputs = [*op.outputs, *op.outputs]


def wider_output(model):
    output = model.tensors[model.op("CONV_2D").outputs[0]]
    output.shape = [*output.shape[:3], output.shape[3] + 1]


def kernel_of_another_op(model):
    op = model.op("CONV_2D")
    op.inputs = [op.inputs[0], op.inputs[0], op.inputs[2]]


def state_of_another_scale(model):
    _, op = _first_update(model)
    model.tensors[op.outputs[0]].quantization.scale = [0.5]


def float_op(model):
    model.become("ADD", "DEQUANTIZE").builtinOptionsType = schema.BuiltinOptions.NONE


def no_signature(model):
    model.model.signatureDefs = None


def _first_update(model):
    """(tensor, op) of the first state's slice."""
    entry = next(
        entry for entry in model.model.signatureDefs[0].outputs if b"past" in entry.name
    )
    return entry.tensorIndex, next(
        op for op in model.graph.operators if op.outputs[0] == entry.tensorIndex
    )


SPOILED = {
    float_tensor: "float32, not int8", wide_tensor: "int16, not int8", unknown_op: "MAXIMUM",
    custom_op: "CUSTOM", rescaling_concatenation: "CONCATENATION rescales",
    shifted_reshape: "rescales", joined_with_relu: "CONCATENATION has an activation",
    stride: "stride 2", high_stride: "stride 2", padding: "pads its input",
    padded_depthwise: "pads its input", dilation: "dilation 2", multiplied_depth: "multiplier 2",
    relu6: "activation 3", tanh_sum: "activation 4", high_kernel: "2 high", no_bias: "no bias",
    kernel_with_zero_point: "zero point", huge_bias: "too large for 32 bits",
    strided_slice: "strides", new_axis: "axes", state_from_the_middle: "is not the end",
    state_behind_the_new: "is not the end", lost_state: "is not one input and one output",
    no_scale: "0 scales", two_outputs: "what is already there", wider_output: "has a kernel",
    kernel_of_another_op: "no constant", float_op: "DEQUANTIZE",
    state_of_another_scale: "is not of one shape, type, scale and zero point",
    two_graphs: "2 graphs", no_signature: "not one input and one output",
}  # fmt: skip


@pytest.fixture(scope="module")
def step(step_tflite):
    return TfliteFile.open(step_tflite)


@pytest.mark.parametrize("spoil", SPOILED, ids=lambda spoil: spoil.__name__)
def test_a_model_that_plain_c_cannot_compute_is_refused(spoil, step, tmp_path):
    model = Model(step)
    spoil(model)
    with pytest.raises(FqssError) as refusal:
        write_package(TfliteFile("spoiled.tflite", pack_model(model.model)), tmp_path / "package")
    message = str(refusal.value)
    assert message.startswith("spoiled.tflite") and "\n" not in message
    assert SPOILED[spoil] in message
    assert list(tmp_path.iterdir()) == []


def test_a_model_that_is_not_spoiled_passes(step, tmp_path):
    file = TfliteFile("whole.tflite", pack_model(Model(step).model))
    assert write_package(file, tmp_path / "package", 0.1).path.is_dir()


def test_other_files_of_this_project_are_refused(tmp_path, tiny_tflite, tiny_float_tflite):
    for path in (tiny_tflite, tiny_float_tflite):
        with pytest.raises(FqssError, match="--stream"):
            write_package(TfliteFile.open(path), tmp_path / "package")
