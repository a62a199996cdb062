"""Post-training int8 of checkpoints, against the simulation: a table of docs/results/real-sdr.md.

    python benchmarks/layouts.py CHECKPOINT... [--data SET] [--rate HZ]

Imports each checkpoint into a temporary folder, converts it with ``--ptq --planes 2``, and prints
how far the sources of the file, on both kernel sets, are over their difference to the simulation.
Ranges are measured on mixtures of SET, the audio that ships with the package if not given.
"""

import argparse
import tempfile
from pathlib import Path

from fqss_tf.benchmark.machine import describe
from fqss_tf.export.convert import convert
from fqss_tf.importing.importer import import_checkpoint
from fqss_tf.runs.run import Run

MIXTURES = 4  # that are compared: the reference kernels are slow


def main() -> None:
    options = _arguments()
    print(describe())
    print("| checkpoint | network | XNNPACK | reference kernels |\n|---|---|---:|---:|")
    for checkpoint in options.checkpoints:
        with tempfile.TemporaryDirectory() as folder:
            import_checkpoint(
                checkpoint, Path(folder, "run"), rate=options.rate,
                settings=(
                    f"data.datasets=[{options.data}]", "data.segment_seconds=2",
                    f"data.dev_mixtures={MIXTURES}",
                ),
            )
            run = Run(Path(folder, "run"))
            # A file that is far from the simulation is measured all the same.
            parity = convert(
                run, Path(folder, "ptq.tflite"), ptq=True, planes=2, least_sqnr=float("-inf")
            ).parity
        found = [f"{parity[kernels].sqnr_db:.1f} dB" for kernels in ("xnnpack", "reference")]
        print(f"| {checkpoint.stem} | {run.recipe.network} | {' | '.join(found)} |", flush=True)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    add = parser.add_argument
    add("checkpoints", nargs="+", type=Path, metavar="CHECKPOINT")
    add("--data", default="bundled", help="data set")
    add("--rate", type=int, default=8000, help="Hz, of the checkpoints")
    return parser.parse_args()


if __name__ == "__main__":
    main()
