"""Puts a trained network among the models that ship.

    python packaging/ship.py RUN NAME [--stream] [--ptq] [--seconds S]

Writes NAME.tflite, NAME.json and NAME.npz, its float weights in half precision, into tflite_models.
RUN's data set should have a path that tells nothing of the machine, because NAME.json holds the
recipe. The card, NAME.md, and its row in README.md are written by hand; then
``python android_demo/golden_vectors.py`` records what the model makes of a mixture.
"""

import argparse
import tempfile
from pathlib import Path

import numpy as np

from fqss_tf import Run, convert
from fqss_tf.runs.weights import read_arrays, write_arrays

FOLDER = Path(__file__).parents[1] / "tflite_models"
LARGEST_BYTES = 4_000_000


def main() -> None:
    """Writes the three files."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("run", type=Path)
    parser.add_argument("name")
    parser.add_argument("--stream", action="store_true")
    parser.add_argument("--ptq", action="store_true", help="not trained in integers")
    parser.add_argument("--seconds", type=float, help="of a segment or step")
    options = parser.parse_args()
    run = Run(options.run)
    ptq = {"ptq": True, "planes": 2} if options.ptq else {}
    weights = read_arrays(run.files.float_weights)
    halves = {name: each.astype(np.float16) for name, each in weights.items()}
    with tempfile.TemporaryDirectory() as folder:
        write_arrays(halves, Path(folder, "weights.npz"))
        if Path(folder, "weights.npz").stat().st_size > LARGEST_BYTES:
            raise SystemExit(f"{run.name} has more than {LARGEST_BYTES / 1e6:g} MB of weights")
    path = FOLDER / f"{options.name}.tflite"
    made = convert(run, path, stream=options.stream, seconds=options.seconds, **ptq)
    write_arrays(halves, path.with_suffix(".npz"))
    print(f"{made.path.name}: {made.parity}")


if __name__ == "__main__":
    main()
