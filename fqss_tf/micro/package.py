"""A folder that goes into a firmware: the model as plain C and for TFLM, with its proof."""

import dataclasses
from importlib import resources
from pathlib import Path
from string import Template

import numpy as np
from numpy.typing import NDArray

from fqss_tf.files import atomic_folder
from fqss_tf.micro.c_source import Program, c_program
from fqss_tf.micro.c_text import array
from fqss_tf.micro.golden import Step, reference_steps, speech
from fqss_tf.micro.golden_level import level_bytes, level_stream
from fqss_tf.micro.graph import StepGraph, read_graph
from fqss_tf.micro.slim import slim
from fqss_tf.micro.tflm_check import Arena, check_in_tflm, is_installed
from fqss_tf.micro.tflm_source import DATA_HEADER, data_source, ops_header, tensors_header
from fqss_tf.micro.vela import Estimate, check_installed, compile_model
from fqss_tf.tflite.file import TfliteFile
from fqss_tf.types import Json, PathLike

GOLDEN_SECONDS = 1.0
MODEL = "model.tflite"
NPU_MODEL = "model_vela.tflite"
# Taken as they are.
PLAIN_C = ("kernels.h", "level.c", "level.h", "self_test.c", "Makefile", "tflm/main.cc")

GOLDEN_HEADER = """\
/* Speech, and what TFLite's reference kernels and the level of fqss-tf make of it. */
#ifndef FQSS_GOLDEN_H
#define FQSS_GOLDEN_H

#include <stdint.h>

#define FQSS_GOLDEN_STEPS {steps}
#define FQSS_GOLDEN_LEVEL_STEPS {level_steps}

#ifdef __cplusplus
extern "C" {{
#endif
extern const int16_t fqss_golden_mixture[];   /* step after step */
extern const int16_t fqss_golden_estimates[]; /* of each step the first source, then the others */

/* golden_level.c: speech of changing level, the same at full scale, and what becomes of that. */
extern const int16_t fqss_golden_sound[];
extern const int16_t fqss_golden_heard[];
extern const int16_t fqss_golden_undone[];
#ifdef __cplusplus
}}
#endif

#endif
"""

@dataclasses.dataclass(frozen=True)
class Package:
    """What a package holds; ``arena`` is that of TFLM, None if TFLM is not installed.

    ``original_bytes`` and ``file_bytes`` are those of the .tflite before and after. ``arena`` is of
    a processor without an NPU; ``estimate`` is of the NPU, None without one.
    """

    path: Path
    graph: StepGraph
    program: Program
    golden_steps: int
    arena: Arena | None
    original_bytes: int
    file_bytes: int
    estimate: Estimate | None = None

    def to_dict(self) -> Json:
        """Returns the figures as plain dicts and numbers, for JSON."""
        program = self.program
        return {
            "package": self.path.name,
            "constant_bytes": program.constant_bytes,
            "arena_bytes": program.arena_bytes,
            "kept_bytes": program.kept_bytes,
            "macs": program.macs,
            "original_bytes": self.original_bytes,
            "file_bytes": self.file_bytes,
            "golden_steps": self.golden_steps,
            "tflm_arena": None if self.arena is None else self.arena._asdict(),
            "npu": None if self.estimate is None else dataclasses.asdict(self.estimate),
        }


def write_package(
    file: TfliteFile,
    folder: PathLike,
    seconds: float = GOLDEN_SECONDS,
    npu: str | None = None,
    allow_cpu: bool = False,
) -> Package:
    """Writes a streaming model as a package for microcontrollers, all of it or nothing.

    With TFLite Micro installed, the model runs in it over the golden stream and has to give the
    stages and states of the reference kernels.

    Args:
        file: a streaming model of two int8 planes each way.
        folder: must not exist, or be empty.
        seconds: of the golden stream.
        npu: compile the model for it, too; a key of ``npus.SYSTEMS``. Then ``tflm`` is for it.
        allow_cpu: whether operators may stay on the CPU beside the NPU.

    Raises:
        FqssError: the folder is in use, the model has something that plain C has not, TFLM gives
            other numbers, or Vela cannot compile it.
    """
    if npu:
        check_installed(npu)
    with atomic_folder(folder) as temporary:
        c_program(read_graph(file))  # so that a refusal has the op's number in the user's file
        content = slim(file)
        slimmed = TfliteFile(Path(folder) / MODEL, content)
        graph = read_graph(slimmed)
        program = c_program(graph)
        metadata = graph.metadata
        steps = max(1, round(seconds * metadata.sample_rate / metadata.segment))
        mixture = speech(metadata, steps)
        golden = list(reference_steps(slimmed, mixture))
        arena = check_in_tflm(content, graph, golden) if is_installed() else None
        firmware, estimate = slimmed, None
        if npu:
            step_seconds = metadata.segment / metadata.sample_rate
            compiled, estimate = compile_model(slimmed, npu, step_seconds, allow_cpu)
            firmware = TfliteFile(Path(folder) / NPU_MODEL, compiled)
        package = Package(
            Path(folder), graph, program, steps, arena, len(file.content), len(content), estimate
        )
        (temporary / "tflm").mkdir()
        for model in (slimmed, firmware):
            (temporary / model.path.name).write_bytes(model.content)
        for name, text in _texts(package, firmware, golden).items():
            (temporary / name).write_text(text)
    return package


def _texts(package: Package, firmware: TfliteFile, golden: list[Step]) -> dict[str, str]:
    """File name -> text; ``firmware`` is the file for TFLM."""
    graph, program = package.graph, package.program
    sources = resources.files("fqss_tf.micro") / "c"
    mixture = np.concatenate([step.samples for step in golden])
    estimates = np.concatenate([step.estimates.ravel() for step in golden])
    level = level_stream(graph.metadata)
    return {
        "model.h": program.header,
        "model.c": program.source,
        "golden.h": GOLDEN_HEADER.format(
            steps=package.golden_steps,
            level_steps=len(level.sound) // graph.metadata.segment,
        ),
        "golden.c": _golden_source(mixture=mixture, estimates=estimates),
        "golden_level.c": _golden_source(
            sound=level.sound, heard=level.mixture, undone=level.estimate
        ),
        "README.md": _readme(package),
        "tflm/model_data.h": DATA_HEADER,
        "tflm/model_data.cc": data_source(firmware.path.name, firmware.content),
        "tflm/model_ops.h": ops_header(firmware),
        "tflm/model_tensors.h": tensors_header(graph, _tflm_arena_bytes(package)),
        **{name: (sources / name).read_text() for name in PLAIN_C},
    }


def _golden_source(**streams: NDArray[np.int16]) -> str:
    arrays = (
        array("const int16_t", f"fqss_golden_{name}", stream.tolist())
        for name, stream in streams.items()
    )
    return "\n".join(['#include "golden.h"', "", *arrays, ""])


def _tflm_arena_bytes(package: Package) -> int | None:
    """Bytes that TFLM needs; None if unknown.

    This computer cannot run the file for an NPU. Of that, Vela plans the shared part, and what
    stays is less than for the plain file, because there is one op instead of many.
    """
    arena, estimate = package.arena, package.estimate
    if arena is None or estimate is None:
        return arena and arena.total
    return estimate.sram_bytes + arena.tail


def _readme(package: Package) -> str:
    program, metadata = package.program, package.graph.metadata
    arena = package.arena
    step_ms = 1000 * metadata.segment / metadata.sample_rate
    return _template("README.md").substitute(
        network=metadata.network, rate=metadata.sample_rate, step=metadata.segment,
        sources=", ".join(metadata.sources), count=len(metadata.sources),
        delay=metadata.algorithmic_delay, step_ms=f"{step_ms:g}",
        latency=metadata.latency,
        latency_ms=f"{1000 * metadata.latency / metadata.sample_rate:g}",
        constants=program.constant_bytes, ram=program.arena_bytes, kept=program.kept_bytes,
        level=level_bytes(metadata),
        macs=program.macs, mmacs=f"{program.macs / step_ms / 1000:.1f}",
        file=package.file_bytes, states=sum(
            package.graph.tensors[state.input].bytes for state in package.graph.states
        ),
        golden=package.golden_steps,
        npu="" if package.estimate is None else _npu_readme(package, package.estimate),
        arena=(
            "not measured: `pip install 'fqss-tf[mcu]'` and convert anew" if arena is None
            else f"{arena.total} bytes ({arena.head} shared, {arena.tail} kept)"
        ),
    )


def _npu_readme(package: Package, estimate: Estimate) -> str:
    arena = _tflm_arena_bytes(package)
    return _template("NPU.md").substitute(
        estimate=estimate, model=NPU_MODEL,
        arena="not estimated" if arena is None else f"estimated at {arena} bytes",
    )


def _template(name: str) -> Template:
    return Template((resources.files("fqss_tf.micro") / "c" / name).read_text())
