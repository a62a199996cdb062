"""Memory of this process."""

import contextlib
from pathlib import Path


def peak_bytes() -> int | None:
    """Reads the largest resident memory that this process has had; None if the system says none.

    Not ``resource.getrusage``: its ``ru_maxrss`` of a child begins with the size of the parent that
    started it, and a parent with TensorFlow is larger than any model here.
    """
    try:
        status = Path("/proc/self/status").read_text()
    except OSError:
        return None
    for line in status.splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    return None


def forget_peak() -> None:
    """Lets ``peak_bytes`` begin anew with what is resident now, where the system can do that."""
    with contextlib.suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")
