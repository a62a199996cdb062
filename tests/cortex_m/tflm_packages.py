"""What tests/cortex_m/tflm needs around TFLM: packages, and two that must be found wrong.

    python tests/cortex_m/tflm_packages.py make FOLDER
    python tests/cortex_m/tflm_packages.py spoil PACKAGE golden | states
"""

import re
import sys
from pathlib import Path

from tflm_main import with_straight_states

from fqss_tf.micro.package import write_package
from fqss_tf.tflite.file import TfliteFile

# TFLM is slow without optimized kernels.
SECONDS = {"voice-micro": 1.0, "two-voices-stream": 0.16}


def make(folder):
    """Writes the packages of models that ship."""
    for name, seconds in SECONDS.items():
        write_package(TfliteFile.open(name), folder / name, seconds)


def spoil(package, what):
    """Flips one bit of the expected samples, or lets states go straight from output to input."""
    if what == "states":
        path = package / "tflm" / "main.cc"
        path.write_text(with_straight_states(path.read_text()))
        return
    path = package / "golden.c"
    text = path.read_text()
    last = list(re.finditer(r"(-?\d+),", text))[-1]
    path.write_text(f"{text[: last.start(1)]}{int(last[1]) ^ 1}{text[last.end(1) :]}")


if __name__ == "__main__":
    command, folder, *rest = sys.argv[1:]
    if command == "make":
        make(Path(folder))
    else:
        spoil(Path(folder), *rest)
