"""What a timing depends on besides the model."""

import os
import platform
from importlib import metadata
from pathlib import Path


def describe():
    """The machine as a dict: ``cpu``, ``cores`` that may be used, ``load`` (average of the last
    minute, 0 when nothing else runs) and the version of ``litert``."""
    return {
        "cpu": _cpu_name(),
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else
        os.cpu_count(),
        "load": round(os.getloadavg()[0], 2),
        "litert": metadata.version("ai-edge-litert"),
    }


def _cpu_name():
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        lines = []
    for line in lines:
        key, _, value = line.partition(":")
        if key.strip() == "model name":
            return value.strip()
    return platform.processor() or platform.machine()
