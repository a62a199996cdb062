"""Memory of streaming models on microcontrollers, and whether all give the same. Makes figures of
docs/results/microcontroller.md.

    python benchmarks/microcontroller.py STEP.tflite ... [--seconds 60]

Writes a package of each, builds and runs its plain C on this computer, and runs it in TFLite Micro:
over so much speech, all samples, stages and states against TFLite's reference kernels.
Then compiles each for the NPUs that convert knows.
"""

import argparse
import re
import subprocess
import tempfile
from pathlib import Path

from fqss_tf.benchmark.machine import describe
from fqss_tf.micro.npus import SYSTEMS
from fqss_tf.micro.package import Package, write_package
from fqss_tf.micro.slim import slim
from fqss_tf.micro.vela import compile_model
from fqss_tf.tflite.file import TfliteFile

HEADER = (
    "| model | constants (B) | memory (B) | of which kept (B) | MAC a step | MMAC a second | "
    "latency (ms) | file for TFLM (B) | before (B) | arena of TFLM (B) | shared (B) | "
    "wrong samples, C | wrong values, TFLM |"
)
NPU_HEADER = (
    "| model | NPU | operators on the NPU | on the CPU | cycles a step | SRAM (B) | flash (B) | "
    "real-time factor | assumed |"
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("models", nargs="+", type=Path)
    parser.add_argument("--seconds", type=float, default=60.0)
    options = parser.parse_args()
    print(f"{describe()}; {options.seconds:g} s of bundled mixtures.\n")
    _print_header(HEADER)
    for model in options.models:
        with tempfile.TemporaryDirectory() as folder:
            package = write_package(
                TfliteFile.open(model), Path(folder) / "package", options.seconds
            )
            print(_row(model, package), flush=True)
    print()
    _print_header(NPU_HEADER)
    for model in options.models:
        for npu in SYSTEMS:
            print(_npu_row(model, npu), flush=True)


def _print_header(header: str) -> None:
    print(header)
    print("|---" * (header.count("|") - 1) + "|")


def _row(model: Path, package: Package) -> str:
    program, metadata, arena = package.program, package.graph.metadata, package.arena
    made = subprocess.run(
        ["make", "--silent", "-C", str(package.path)], capture_output=True, text=True, check=False
    )
    step_seconds = metadata.segment / metadata.sample_rate
    cells = [
        model.stem, program.constant_bytes, program.arena_bytes, program.kept_bytes, program.macs,
        f"{program.macs / step_seconds / 1e6:.1f}",
        f"{1000 * metadata.latency / metadata.sample_rate:g}", package.file_bytes,
        package.original_bytes, arena.total if arena else "-", arena.head if arena else "-",
        " of ".join(_wrong_of_the_model(made.stdout)), 0 if arena else "-",
    ]
    return "| " + " | ".join(map(str, cells)) + " |"


def _wrong_of_the_model(printed: str) -> list[str]:
    """How many samples are wrong, and of how many; the self-test also prints those of the level."""
    return re.findall(r"model: (\d+) wrong samples of (\d+)", printed)[0]


def _npu_row(model: Path, npu: str) -> str:
    file = TfliteFile.open(model)
    step_seconds = file.metadata.segment / file.metadata.sample_rate
    _, made = compile_model(TfliteFile(model, slim(file)), npu, step_seconds)
    cells = [
        model.stem, npu, made.npu_operators, made.cpu_operators, made.cycles, made.sram_bytes,
        made.flash_bytes, f"{made.real_time_factor:.4f}",
        f"{made.system}, {made.memory_mode}: {made.clock_mhz:g} MHz, flash "
        f"{made.flash_gb_per_second:.2g} GB/s",
    ]
    return "| " + " | ".join(map(str, cells)) + " |"


if __name__ == "__main__":
    main()
