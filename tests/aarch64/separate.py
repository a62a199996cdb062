"""Separates one mixture of the bundled audio with a shipped model; or compares two results.

Usage: python separate.py MODEL AUDIO RESULT.npy
       python separate.py --compare RESULT.npy OTHER.npy
"""

import csv
import platform
import sys
from pathlib import Path

import numpy as np
import soundfile

SAMPLES = 48000


def mixture(audio):
    """int16 [samples], at a peak of half of full scale, of the first two clips of the test part."""
    with open(audio / "test" / "mixtures.csv", newline="", encoding="utf-8") as file:
        row = next(csv.DictReader(file))
    clips = [soundfile.read(audio / "test" / row[f"path_{k}"])[0] for k in (1, 2)]
    total = sum(np.resize(clip, SAMPLES) for clip in clips)
    return np.round(total * 2**14 / np.abs(total).max()).astype(np.int16)


def separate(model, audio, result):
    from fqss_tf.runtime import Separator, StreamingSeparator
    from fqss_tf.tflite import TfliteFile

    if "tensorflow" in sys.modules:
        raise SystemExit("the runtime imported TensorFlow")
    samples = mixture(Path(audio))
    if TfliteFile.open(model).metadata.is_streaming:
        with StreamingSeparator(model) as separator:
            estimates = separator.separate(samples)
    else:
        with Separator(model) as separator:
            estimates = separator(samples, separator.metadata.sample_rate)
    np.save(result, np.stack(list(estimates.values())))
    versions = f"Python {platform.python_version()}, numpy {np.__version__}"
    print(f"{Path(model).name}: {platform.machine()}, {versions}")


def compare(result, other):
    expected = np.load(result).astype(float)
    difference = np.abs(expected - np.load(other))
    line = (
        f"{np.count_nonzero(difference)} of {difference.size} samples differ, "
        f"by {difference.max():.0f} LSB of 16 bits at most"
    )
    if difference.any():
        ratio = 10 * np.log10(np.sum(expected**2) / np.sum(difference**2))
        line += f", SQNR {ratio:.1f} dB"
    print(line)


if __name__ == "__main__":
    if sys.argv[1] == "--compare":
        compare(*sys.argv[2:])
    else:
        separate(*sys.argv[1:])
