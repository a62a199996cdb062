"""What a timing depends on besides the model."""

import os
import platform
from importlib import metadata
from pathlib import Path

from fqss_tf.types import Json

# What processors have that integer and float kernels are chosen by: of x86, then of Arm.
FLAGS = (
    "avx2", "avx512f", "avx512_vnni", "avx512_bf16", "avx_vnni", "amx_int8", "asimddp", "i8mm",
)
CPUINFO = Path("/proc/cpuinfo")


def describe() -> Json:
    """Describes the machine.

    Returns:
        Dict of ``cpu``, its ``flags`` among FLAGS, ``cores`` that may be used, ``load`` (average of
        the last minute, 0 when nothing else runs) and the version of ``litert``.
    """
    return {
        "cpu": _cpu_name(),
        "flags": cpu_flags(),
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else
        os.cpu_count(),
        "load": round(os.getloadavg()[0], 2),
        "litert": metadata.version("ai-edge-litert"),
    }


def cpu_flags() -> list[str]:
    """Lists those of FLAGS that the processor has; none where the system does not say."""
    found = (_cpu_entry("flags") or _cpu_entry("Features")).split()
    return [flag for flag in FLAGS if flag in found]


def _cpu_name() -> str:
    return _cpu_entry("model name") or platform.processor() or platform.machine()


def _cpu_entry(key: str) -> str:
    """The first value of a key of ``/proc/cpuinfo``; empty where there is none."""
    try:
        lines = CPUINFO.read_text().splitlines()
    except OSError:
        return ""
    pairs = (line.partition(":") for line in lines)
    return next((value.strip() for name, _, value in pairs if name.strip() == key), "")
