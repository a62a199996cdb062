"""Separates mixtures with a model, or compares two results.

Usage: python separate.py --bundled AUDIO MIXTURES.npz
       python separate.py --set SET COUNT MIXTURES.npz
       python separate.py MODEL MIXTURES.npz RESULT.npy
       python separate.py --compare RESULT.npy OTHER.npy MIXTURES.npz

The first two write one mixture of the bundled audio, or the first ones of a data set.
"""

import csv
import platform
import sys
from pathlib import Path

import numpy as np
import soundfile

SAMPLES = 48000


def bundled(audio, mixtures):
    """The first two clips of the test part, int16 at a peak of half of full scale."""
    audio = Path(audio)
    with open(audio / "test" / "mixtures.csv", newline="", encoding="utf-8") as file:
        row = next(csv.DictReader(file))
    clips = [soundfile.read(audio / "test" / row[f"path_{k}"])[0] for k in (1, 2)]
    sources = np.stack([np.resize(clip, SAMPLES) for clip in clips])
    np.savez(mixtures, **_at_half_scale(sources.sum(axis=0), sources, 0))


def of_set(folder, count, mixtures):
    from fqss_tf.evaluation import load_mixtures

    found = {}
    for index, (_, _, mixture, sources) in enumerate(load_mixtures(folder)[0][: int(count)]):
        found.update(_at_half_scale(mixture, sources, index))
    np.savez(mixtures, **found)


def _at_half_scale(mixture, sources, index):
    samples = np.round(mixture * 2**14 / np.abs(mixture).max()).astype(np.int16)
    return {f"mixture_{index}": samples, f"sources_{index}": sources}


def separate(model, mixtures, result):
    from fqss_tf.runtime import Separator, StreamingSeparator
    from fqss_tf.tflite import TfliteFile

    if "tensorflow" in sys.modules:
        raise SystemExit("the runtime imported TensorFlow")
    streams = TfliteFile.open(model).metadata.is_streaming
    found = []
    open_model = StreamingSeparator if streams else Separator
    with open_model(model) as separator, np.load(mixtures) as file:
        for index in range(len(file.files) // 2):
            samples = file[f"mixture_{index}"]
            estimates = (
                separator.separate(samples) if streams
                else separator(samples, separator.metadata.sample_rate)
            )
            found.append(np.stack(list(estimates.values())))
    np.save(result, np.concatenate(found, axis=1))
    versions = f"Python {platform.python_version()}, numpy {np.__version__}"
    print(f"{Path(model).name}: {platform.machine()}, {versions}")


def compare(result, other, mixtures):
    from fqss_tf.metrics import mean_si_sdr

    expected, found = (np.load(path).astype(float) for path in (result, other))
    difference = np.abs(expected - found)
    line = (
        f"{np.count_nonzero(difference)} of {difference.size} samples differ, "
        f"by {difference.max():.0f} LSB of 16 bits at most"
    )
    if difference.any():
        ratio = 10 * np.log10(np.sum(expected**2) / np.sum(difference**2))
        line += f", SQNR {ratio:.1f} dB"
        changes, start = [], 0
        with np.load(mixtures) as file:
            for index in range(len(file.files) // 2):
                sources = file[f"sources_{index}"]
                part = np.s_[:, start : start + sources.shape[1]]
                start += sources.shape[1]
                if len(sources) == len(found):
                    changes.append(
                        mean_si_sdr(found[part], sources) - mean_si_sdr(expected[part], sources)
                    )
        if changes:
            line += f", SI-SDR {np.mean(changes):+.3f} dB in {len(changes)} mixtures"
    print(line)


COMMANDS = {"--bundled": bundled, "--set": of_set, "--compare": compare}

if __name__ == "__main__":
    if sys.argv[1] in COMMANDS:
        COMMANDS[sys.argv[1]](*sys.argv[2:])
    else:
        separate(*sys.argv[1:])
