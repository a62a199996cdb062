"""Each elementwise op in C over all pairs of bytes, against the reference kernel."""

import subprocess

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.interpreter import Interpreter, OpResolverType

from fqss_tf.micro.calls import CALLS
from fqss_tf.micro.graph import Op, Tensor
from fqss_tf.tflite.flatbuffer import pack_model

PAIRS = np.stack(np.meshgrid(np.arange(-128, 128), np.arange(-128, 128))).astype(np.int8)
SHAPE = (1, 256, 256)
OPTIONS = {"ADD": schema.AddOptionsT, "MUL": schema.MulOptionsT, "SUB": schema.SubOptionsT}

PROGRAM = """
#include <stdio.h>
#include "kernels.h"
{constants}
static int8_t a[65536], b[65536], y[65536];
int main(void)
{{
    fread(a, 1, sizeof a, stdin);
    fread(b, 1, sizeof b, stdin);
    {call}
    return fwrite(y, 1, sizeof y, stdout) != sizeof y;
}}
"""


def grids(name, seed):
    """(scale, zero point) of both inputs and the output; powers of two make many ties."""
    rng = np.random.default_rng(seed)
    inputs = 10 ** rng.uniform(-2, 0, 2)
    largest = 64 * inputs.prod() if name == "MUL" else inputs.max()
    scales = np.array([*inputs, largest * rng.uniform(0.5, 4)])
    if seed < 3:
        scales = 2 ** np.round(np.log2(scales))
    return [(np.float32(scale), int(rng.integers(-50, 50))) for scale in scales]


def operator(name, activation, kinds):
    options = OPTIONS[name]()
    options.fusedActivationFunction = activation
    entry = schema.OperatorT()
    entry.inputs, entry.outputs, entry.builtinOptions = [0, 1], [2], options
    entry.builtinOptionsType = getattr(schema.BuiltinOptions, f"{name.title()}Options")
    code = schema.OperatorCodeT()
    code.builtinCode = code.deprecatedBuiltinCode = getattr(schema.BuiltinOperator, name)
    tensors = [Tensor(number, SHAPE, (scale,), (zero,), None)
               for number, (scale, zero) in enumerate(kinds)]  # fmt: skip
    return Op("test", 0, name, tuple(tensors[:2]), tensors[2], entry, code)


def by_reference_kernel(op):
    graph, model = schema.SubGraphT(), schema.ModelT()
    graph.tensors = []
    for tensor in (*op.inputs, op.output):
        entry = schema.TensorT()
        entry.shape, entry.type, entry.name = list(SHAPE), schema.TensorType.INT8, b""
        entry.quantization = schema.QuantizationParametersT()
        entry.quantization.scale = [float(tensor.scale)]
        entry.quantization.zeroPoint = [tensor.zero_point]
        graph.tensors.append(entry)
    graph.operators, graph.inputs, graph.outputs = [op.entry], [0, 1], [2]
    model.version, model.operatorCodes, model.buffers = 3, [op.code], [schema.BufferT()]
    model.subgraphs = [graph]
    interpreter = Interpreter(
        model_content=pack_model(model), experimental_op_resolver_type=OpResolverType.BUILTIN_REF
    )
    interpreter.allocate_tensors()
    for number in range(2):
        interpreter.set_tensor(number, PAIRS[number].reshape(SHAPE))
    interpreter.invoke()
    return interpreter.get_tensor(2).ravel()


def by_c(op, compiler, folder):
    (call,) = CALLS[op.name](op)
    text = PROGRAM.format(
        constants="\n".join(call.constants),
        call=call.text.replace(":0", "").format(t0="a", t1="b", t2="y"),
    )
    (folder / "test.c").write_text(text)
    from importlib import resources

    kernels = resources.files("fqss_tf.micro") / "c"
    subprocess.run(
        [compiler, "-O1", "-Wno-unused-result", f"-I{kernels}", "test.c", "-o", "test"],
        cwd=folder, check=True,
    )
    made = subprocess.run(
        [folder / "test"], input=PAIRS.tobytes(), stdout=subprocess.PIPE, check=True
    )
    return np.frombuffer(made.stdout, np.int8)


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("name", OPTIONS)
def test_all_pairs_of_bytes_are_as_the_reference_kernel_has_them(name, seed, compiler, tmp_path):
    op = operator(name, seed % 2, grids(name, seed))
    expected = by_reference_kernel(op)
    assert len(np.unique(expected)) > 30
    assert np.array_equal(by_c(op, compiler, tmp_path), expected)
