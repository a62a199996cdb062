"""What tests/cortex_m/run needs around the processors: the model, the streams, the verdict.

    python tests/cortex_m/streams.py make FOLDER [STEP.tflite]
    python tests/cortex_m/streams.py compare FOLDER BOARD NANOSECONDS_A_TICK
    python tests/cortex_m/streams.py flip FOLDER weight | golden
"""

import re
import sys
from pathlib import Path

import numpy as np

from fqss_tf.micro.golden import reference_steps
from fqss_tf.micro.golden_level import at_full_scale, changing_speech
from fqss_tf.micro.graph import read_graph
from fqss_tf.micro.package import write_package
from fqss_tf.runtime.levelling import from_full_scale_int16
from fqss_tf.tflite.file import TfliteFile

SHIPPED = "voice-micro"
ROUNDS = 36  # a minute


def make(folder, step):
    """Writes the package of a streaming model, and a stream with all that comes of it."""
    package = write_package(TfliteFile.open(step), folder / "package")
    file = TfliteFile.open(folder / "package" / "model.tflite")
    metadata = file.metadata
    sound = changing_speech(metadata, ROUNDS)
    mixture, levels = at_full_scale(metadata, sound)
    steps = [
        [step.samples, *step.estimates, *from_full_scale_int16(step.estimates, levels_of_step)]
        for step, levels_of_step in zip(
            reference_steps(file, mixture), levels.reshape(-1, metadata.segment), strict=True
        )
    ]
    sound.tofile(folder / "sound.raw")
    np.array(steps).tofile(folder / "expected.raw")
    (folder / "macs").write_text(str(package.program.macs))
    print(
        f"{Path(step).name}: {package.program.constant_bytes} bytes of constants, "
        f"{package.program.arena_bytes} of memory, {package.program.macs} MACs a step"
    )


def compare(folder, board, nanoseconds):
    """Prints the instructions of a step; fails if a sample is wrong or a step is missing."""
    printed = (folder / board / "printed").read_text().split()
    steps, ticks, longest, level_ticks = map(int, printed)
    macs = int((folder / "macs").read_text())
    found = np.fromfile(folder / board / "found.raw", np.int16)
    expected = np.fromfile(folder / "expected.raw", np.int16)
    metadata = read_graph(TfliteFile.open(folder / "package" / "model.tflite")).metadata
    assert len(found) == steps * metadata.segment * (1 + 2 * len(metadata.sources))
    wrong = np.count_nonzero(found != expected[: len(found)])
    # With -icount shift=0, qemu takes a nanosecond for an instruction.
    mean = ticks * nanoseconds / steps
    print(
        f"{wrong} wrong samples of {len(found)}; {mean:.0f} instructions a step, "
        f"{longest * nanoseconds:.0f} at most, {mean / macs:.2f} a MAC; "
        f"{level_ticks * nanoseconds / steps:.0f} for the level"
    )
    return 1 if wrong or steps == 0 else 0


def flip(folder, what):
    """Changes one weight of the last convolution, or one bit of the expected samples."""
    if what == "golden":
        expected = np.fromfile(folder / "expected.raw", np.int16)
        expected[1000] ^= 1
        expected.tofile(folder / "expected.raw")
        return
    source = folder / "package" / "model.c"
    text = source.read_text()
    weights = list(re.finditer(r"weights_\d+\[\] = \{\s*(-?\d+)", text))[-1]
    flipped = int(weights[1]) ^ 0x40
    source.write_text(text[: weights.start(1)] + str(flipped) + text[weights.end(1) :])


if __name__ == "__main__":
    command, folder, *rest = sys.argv[1:]
    if command == "make":
        make(Path(folder), "".join(rest) or SHIPPED)
    elif command == "compare":
        sys.exit(compare(Path(folder), rest[0], float(rest[1])))
    else:
        flip(Path(folder), rest[0])
