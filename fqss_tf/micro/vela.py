"""Arm's compiler Vela: a model for an Ethos-U NPU, and what Vela expects of it there."""

import csv
import dataclasses
import importlib.util
import re
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from fqss_tf.errors import FqssError
from fqss_tf.micro.npus import MEMORY_MODE, SYSTEMS
from fqss_tf.micro.tflm_check import INSTALL
from fqss_tf.tflite.checksum import with_checksum
from fqss_tf.tflite.file import TfliteFile

COMMAND = (sys.executable, "-m", "ethosu.vela")
# Streaming models take a second or two; some other networks never end.
MOST_SECONDS = 120.0
COUNT = re.compile(r"^(CPU|NPU) operators = (\d+)", re.MULTILINE)
# What Vela calls the op that stands for all that the NPU computes.
NPU_OP = "ethos-u"


@dataclasses.dataclass(frozen=True)
class Estimate:
    """What Vela expects of a model: estimates for a system that it assumes, not measurements.

    ``cycles`` and ``real_time_factor`` are of one step, on the NPU alone. ``clock_mhz`` and
    ``flash_gb_per_second`` belong to ``system``.
    """

    target: str
    npu_operators: int
    cpu_operators: int
    cycles: int
    sram_bytes: int
    flash_bytes: int
    real_time_factor: float
    system: str
    memory_mode: str
    clock_mhz: float
    flash_gb_per_second: float

    def __str__(self) -> str:
        """Is one line: the figures, and what they assume."""
        return (
            f"{self.target}, estimated by Vela: {self.npu_operators} operators on the NPU, "
            f"{self.cpu_operators} on the CPU; {self.cycles} cycles a step, {self.sram_bytes} "
            f"bytes of SRAM, {self.flash_bytes} of flash, real-time factor "
            f"{self.real_time_factor:.4f} ({self.system}, {self.memory_mode}: "
            f"{self.clock_mhz:g} MHz, flash {self.flash_gb_per_second:.2g} GB/s)"
        )


def check_installed(target: str) -> None:
    """Checks that Vela is there.

    Raises:
        FqssError: it is not.
    """
    if importlib.util.find_spec("ethosu") is None:
        raise FqssError(f"{target} needs Vela, which is not installed: {INSTALL}")


def compile_model(
    file: TfliteFile, target: str, step_seconds: float, allow_cpu: bool = False
) -> tuple[bytes, Estimate]:
    """Compiles a streaming model for an NPU.

    Args:
        file: the model; its inputs and outputs keep their order.
        target: a key of ``SYSTEMS``.
        step_seconds: how much sound a step takes.
        allow_cpu: whether operators may stay on the CPU.

    Returns:
        The bytes of Vela's .tflite, and what Vela expects of it.

    Raises:
        FqssError: Vela is not installed, fails, does not end, leaves operators on the CPU, or
            changes an input or output.
    """
    check_installed(target)
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / "model.tflite"
        source.write_bytes(file.content)
        log = _run(file.path, target, [
            source.name, "--output-dir", "made", "--accelerator-config", target,
            "--config", "Arm/vela.ini", "--system-config", SYSTEMS[target],
            "--memory-mode", MEMORY_MODE,
        ], folder)  # fmt: skip
        try:
            content = (Path(folder) / "made" / "model_vela.tflite").read_bytes()
            (summary,) = (Path(folder) / "made").glob("*.csv")
            with summary.open(newline="") as table:
                estimate = _estimate(target, next(csv.DictReader(table)), log, step_seconds)
        except (OSError, ValueError, KeyError, StopIteration) as error:
            raise FqssError(
                f"Vela's report on {file.path} for {target} cannot be read: install the version "
                f"that fits, {INSTALL}"
            ) from error
    made = TfliteFile(file.path, content)
    if estimate.cpu_operators and not allow_cpu:
        names = sorted({op.name for op in made.report.ops} - {NPU_OP})
        raise FqssError(
            f"{file.path} is not whole on {target}: {estimate.cpu_operators} operators stay on the "
            f"CPU ({', '.join(names)}); --allow-cpu accepts that"
        )
    if _ends(file) != _ends(made):
        raise FqssError(f"Vela changed the inputs or outputs of {file.path} for {target}")
    return with_checksum(content), estimate


def _run(path: str | Path, target: str, arguments: Sequence[str], folder: str) -> str:
    """Returns what Vela prints."""
    try:
        done = subprocess.run(
            [*COMMAND, *arguments], cwd=folder, stdin=subprocess.DEVNULL, capture_output=True,
            text=True, errors="replace", timeout=MOST_SECONDS, check=False,
        )  # fmt: skip
    except subprocess.TimeoutExpired as error:
        raise FqssError(
            f"Vela did not compile {path} for {target} in {MOST_SECONDS:g} s and was ended"
        ) from error
    if done.returncode:
        lines = [line.strip() for line in (done.stdout + done.stderr).splitlines() if line.strip()]
        reason = lines[-1] if lines else f"it ended with {done.returncode}"
        raise FqssError(f"Vela cannot compile {path} for {target}: {reason}")
    return done.stdout


def _estimate(target: str, row: dict[str, str], log: str, step_seconds: float) -> Estimate:
    counts = {place: int(count) for place, count in COUNT.findall(log)}
    return Estimate(
        target=target,
        npu_operators=counts["NPU"],
        cpu_operators=counts["CPU"],
        cycles=round(float(row["cycles_total"])),
        sram_bytes=round(float(row["sram_memory_used"]) * 1024),
        flash_bytes=round(float(row["off_chip_flash_memory_used"]) * 1024),
        real_time_factor=float(row["inference_time"]) / step_seconds,
        system=row["system_config"],
        memory_mode=row["memory_mode"],
        clock_mhz=float(row["core_clock"]) / 1e6,
        # Vela counts in 2 ** 30 bytes.
        flash_gb_per_second=float(row["off_chip_flash_bandwidth"]) * 2**30 / 1e9,
    )


def _ends(file: TfliteFile) -> list[list[Any]]:
    """What a firmware's tables say of the inputs and of the outputs, in order."""
    graph = file.model.subgraphs[0]
    return [
        [
            (list(tensor.shape), tensor.type, list(tensor.quantization.scale),
             list(tensor.quantization.zeroPoint))
            for tensor in (graph.tensors[number] for number in numbers)
        ]
        for numbers in (graph.inputs, graph.outputs)
    ]  # fmt: skip
