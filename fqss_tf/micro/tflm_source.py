"""What a firmware with TFLite Micro needs beside the file: its bytes, its ops, its tensors.

TFLM knows no signatures: it counts inputs and outputs.
"""

from fqss_tf.errors import FqssError
from fqss_tf.micro.c_text import array
from fqss_tf.micro.graph import StepGraph, Tensor
from fqss_tf.tflite.file import TfliteFile

METHODS = {
    "ADD": "AddAdd", "CONCATENATION": "AddConcatenation", "CONV_2D": "AddConv2D",
    "DEPTHWISE_CONV_2D": "AddDepthwiseConv2D", "LEAKY_RELU": "AddLeakyRelu",
    "LOGISTIC": "AddLogistic", "MUL": "AddMul", "PAD": "AddPad", "PRELU": "AddPrelu",
    "RELU": "AddRelu", "RESHAPE": "AddReshape", "SLICE": "AddSlice",
    "STRIDED_SLICE": "AddStridedSlice", "SUB": "AddSub", "TANH": "AddTanh",
    "ethos-u": "AddEthosU",
}  # fmt: skip

DATA_HEADER = """\
// The bytes of the model. Made by fqss-tf.
#ifndef FQSS_MODEL_DATA_H
#define FQSS_MODEL_DATA_H

extern const unsigned char fqss_model_data[];
extern const unsigned int fqss_model_data_bytes;

#endif
"""

DATA = """\
// The bytes of {name}. Made by fqss-tf.
#include "model_data.h"

alignas(16) {array}
const unsigned int fqss_model_data_bytes = {size};
"""

OPS = """\
// The ops of {name}. Made by fqss-tf.
#ifndef FQSS_MODEL_OPS_H
#define FQSS_MODEL_OPS_H

#include "tensorflow/lite/micro/micro_mutable_op_resolver.h"

using FqssOps = tflite::MicroMutableOpResolver<{count}>;

inline TfLiteStatus RegisterFqssOps(FqssOps* ops) {{
{calls}
  return kTfLiteOk;
}}

#endif
"""

TENSORS = """\
// The inputs and outputs of the model, as TFLM counts them. Made by fqss-tf.
#ifndef FQSS_MODEL_TENSORS_H
#define FQSS_MODEL_TENSORS_H

#define FQSS_SAMPLE_RATE {sample_rate}
#define FQSS_STEP {step}
#define FQSS_SOURCES {sources}
#define FQSS_DELAY {delay}
{arena}
#define FQSS_TFLM_STATE_BYTES {state_bytes}
#define FQSS_TFLM_MIXTURE_INPUT {mixture}

struct FqssTensor {{
  const char* name;
  int input;   // -1: it is none
  int output;  // -1: it is none
  int bytes;
  float scale;
  int zero_point;
}};

constexpr FqssTensor kFqssMixture = {mixture_row};

constexpr FqssTensor kFqssStages[] = {{
{stages}
}};

constexpr FqssTensor kFqssStates[] = {{
{states}
}};

#endif
"""

UNKNOWN_ARENA = """\
#ifndef FQSS_TFLM_ARENA_BYTES
#error "not measured: pip install 'fqss-tf[mcu]' and convert anew, or define FQSS_TFLM_ARENA_BYTES"
#endif"""


def data_source(name: str, content: bytes) -> str:
    """Returns the text of model_data.cc for the bytes of a .tflite of this name."""
    numbers = array("const unsigned char", "fqss_model_data", content)
    return DATA.format(name=name, array=numbers, size=len(content))


def ops_header(file: TfliteFile) -> str:
    """Returns the text of model_ops.h.

    Raises:
        FqssError: an op of which is not known what TFLM calls it.
    """
    names = sorted({op.name for op in file.report.ops})
    unknown = [name for name in names if name not in METHODS]
    if unknown:
        raise FqssError(f"{file.path} is not for microcontrollers: it has the op {unknown[0]}")
    calls = "\n".join(
        f"  if (ops->{METHODS[name]}() != kTfLiteOk) return kTfLiteError;" for name in names
    )
    return OPS.format(name=file.path.name, count=len(names), calls=calls)


def tensors_header(graph: StepGraph, arena_bytes: int | None) -> str:
    """Returns the text of model_tensors.h.

    Args:
        graph: of model.tflite; an NPU has the same inputs and outputs.
        arena_bytes: that TFLM needs; None if nobody measured it.
    """
    metadata = graph.metadata
    arena = (
        UNKNOWN_ARENA if arena_bytes is None else f"#define FQSS_TFLM_ARENA_BYTES {arena_bytes}"
    )
    mixture = graph.tensors[graph.mixture]
    return TENSORS.format(
        sample_rate=metadata.sample_rate, step=metadata.segment, sources=len(metadata.sources),
        delay=metadata.algorithmic_delay, arena=arena,
        state_bytes=sum(graph.tensors[state.input].bytes for state in graph.states),
        mixture=graph.inputs.index(graph.mixture),
        mixture_row=_row("mixture", graph, mixture, graph.mixture, None),
        stages="\n".join(
            f"    {_row(f'stage_{plane}', graph, graph.tensors[stage], None, stage)},"
            for plane, stage in enumerate(graph.stages)
        ),
        states="\n".join(
            f"    {_row(state.name, graph, graph.tensors[state.input], state.input, state.output)},"
            for state in graph.states
        ),
    )


def _row(
    name: str, graph: StepGraph, tensor: Tensor, source: int | None, result: int | None
) -> str:
    place_in = -1 if source is None else graph.inputs.index(source)
    place_out = -1 if result is None else graph.outputs.index(result)
    scale = f"{float(tensor.scale):.9e}f"
    text = name.replace("\\", "").replace('"', "")
    return f'{{"{text}", {place_in}, {place_out}, {tensor.bytes}, {scale}, {tensor.zero_point}}}'
