"""How far the smallest change of the samples moves what a file separates.

    python benchmarks/smallest_change.py FILE... --data SET [--mixtures N]

Each file separates the start of each mixture as it is, then with each sample changed by one step of
16 bits, up or down by chance. Prints how far the first result is over its difference to the second,
and by how much the mean SI-SDR of a mixture changes, in dB. Two ways to compute that round values
differently here and there are about as far apart. Makes a table of docs/explain/measured.md.
"""

import argparse
from pathlib import Path

import numpy as np

from fqss_tf.benchmark.machine import describe
from fqss_tf.evaluation import load_mixtures
from fqss_tf.metrics import mean_si_sdr
from fqss_tf.runtime.engines import open_engine
from fqss_tf.tflite.file import TfliteFile
from fqss_tf.types import FloatArray, MixturePair, Separate

STEP = 2.0**-15


def main() -> None:
    options = _arguments()
    found, _ = load_mixtures(options.data)
    mixtures = [(mixture, sources) for _, _, mixture, sources in found[: options.mixtures]]
    print(describe())
    print("| file | SQNR | change of SI-SDR, mean | largest |\n|---|---:|---:|---:|")
    for path in options.files:
        file = TfliteFile.open(path)
        ratio, changes = _changes(open_engine(file).forward, mixtures, file.metadata.segment)
        error = changes.std() / len(changes) ** 0.5
        print(
            f"| {path.stem} | {ratio:.1f} dB | {changes.mean():+.3f} ± {error:.3f} dB "
            f"| {np.abs(changes).max():.2f} dB |"
        )


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    add = parser.add_argument
    add("files", nargs="+", type=Path, metavar="FILE")
    add("--data", required=True, type=Path)
    add("--mixtures", type=int, default=20)
    return parser.parse_args()


def _changes(
    separate: Separate, mixtures: list[MixturePair], segment: int
) -> tuple[float, FloatArray]:
    """(energy of all estimates over that of their differences in dB, change of each SI-SDR)."""
    rng = np.random.default_rng(0)
    signal = difference = 0.0
    changes = []
    for mixture, sources in mixtures:
        heard = mixture[:segment]
        samples = np.zeros(segment, np.float32)
        level = heard / np.abs(heard).max() * (1 - 2 * STEP)
        samples[: len(heard)] = np.round(level / STEP) * STEP
        changed = samples.copy()
        changed[: len(heard)] += rng.choice((-STEP, STEP), len(heard)).astype(np.float32)
        before, after = (separate(each)[:, : len(heard)] for each in (samples, changed))
        signal += np.sum(before.astype(np.float64) ** 2)
        difference += np.sum((after - before).astype(np.float64) ** 2)
        of_heard = sources[:, : len(heard)]
        changes.append(mean_si_sdr(after, of_heard) - mean_si_sdr(before, of_heard))
    return float(10 * np.log10(signal / difference)), np.array(changes)


if __name__ == "__main__":
    main()
