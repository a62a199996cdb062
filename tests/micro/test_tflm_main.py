"""main.cc of a package, compiled with a stand-in for TFLM whose inputs and outputs overlap."""

import subprocess
from importlib import resources
from pathlib import Path

import numpy as np
import pytest
from tflm_main import with_straight_states

from fqss_tf.micro.c_text import array

STAND_IN = Path(__file__).parent / "tflm"
STEPS, STATES = 40, 3
TENSORS = """
#define FQSS_STEP 8
#define FQSS_SOURCES 2
#define FQSS_TFLM_ARENA_BYTES 256
#define FQSS_TFLM_STATE_BYTES 48
#define FQSS_TFLM_MIXTURE_INPUT 0
struct FqssTensor { const char* name; int input, output, bytes; float scale; int zero_point; };
constexpr FqssTensor kFqssStages[] = {{"stage_0", -1, 3, 16, 1, 0}, {"stage_1", -1, 4, 16, 1, 0}};
constexpr FqssTensor kFqssStates[] = {
    {"a", 1, 0, 16, 1, -3}, {"b", 2, 1, 16, 1, 5}, {"c", 3, 2, 16, 1, -128}};
"""
OPS = """
#include "tensorflow/lite/micro/micro_mutable_op_resolver.h"
using FqssOps = tflite::MicroMutableOpResolver<1>;
inline TfLiteStatus RegisterFqssOps(FqssOps* ops) { return ops->AddAdd(); }
"""
DATA = "extern const unsigned char fqss_model_data[];\n"


def golden():
    """What the stand-in's network gives, its states kept apart: (mixture, estimates)."""
    mixture = np.random.default_rng(0).integers(-(2**15), 2**15, (STEPS, 8)).astype(np.int16)
    states = [np.full(16, zero, np.int8) for zero in (-3, 5, -128)]
    estimates = []
    for samples in mixture:
        planes = np.stack([samples >> 8, (samples & 255) - 128], axis=-1).astype(np.int8).ravel()
        states = [
            (3 * state.astype(int) + np.roll(state, -1) + planes + number).astype(np.int8)
            for number, state in enumerate(states)
        ]
        joined = np.concatenate(states)
        stages = joined[:32] ^ np.roll(joined, -16)[:32]
        high, low = stages.reshape(2, 16).astype(np.int16)
        estimates.append((high << 8) + low + np.int16(128))
    return mixture, np.array(estimates)


@pytest.fixture
def run(tmp_path):
    """Function (change of main.cc) -> what the program prints and its exit code."""

    def compiled(change):
        mixture, estimates = golden()
        source = (resources.files("fqss_tf.micro") / "c" / "tflm" / "main.cc").read_text()
        folder = tmp_path / "tflm"
        folder.mkdir()
        (folder / "main.cc").write_text(change(source))
        (folder / "model_tensors.h").write_text(TENSORS)
        (folder / "model_ops.h").write_text(OPS)
        (folder / "model_data.h").write_text(DATA)
        (tmp_path / "golden.h").write_text(
            f"#define FQSS_GOLDEN_STEPS {STEPS}\n"
            "extern const short fqss_golden_mixture[], fqss_golden_estimates[];\n"
        )
        (folder / "golden.cc").write_text(
            '#include "../golden.h"\nextern const unsigned char fqss_model_data[] = {0};\n'
            + array("const short", "fqss_golden_mixture", mixture.ravel().tolist()) + "\n"
            + array("const short", "fqss_golden_estimates", estimates.ravel().tolist()) + "\n"
        )
        command = ["c++", "-std=c++17", "-Wall", "-Werror", f"-I{STAND_IN}", "main.cc", "golden.cc"]
        subprocess.run([*command, "-o", "main"], cwd=folder, check=True)
        made = subprocess.run([folder / "main"], capture_output=True, text=True, check=False)
        return made.stdout, made.returncode

    return compiled


def test_the_states_go_from_step_to_step(run):
    assert run(lambda source: source) == (f"0 wrong samples of {STEPS * 16}\n", 0)


def test_states_that_go_straight_from_output_to_input_are_wrong(run):
    printed, code = run(with_straight_states)
    assert code == 1 and int(printed.split()[0]) > STEPS * 8
