"""The voice models on loud and quiet recordings. Prints a table of docs/results/voice.md.

    python benchmarks/voice_levels.py MODEL... --data DIR [--mixtures N]

MODEL is a file or the name of a model that ships. DIR is a data set of a voice and a background
with test mixtures. Mixtures are 16-bit samples whose peak is at so many dBFS; then the same behind
another one whose peak is at 0 dBFS, as when a loud talker is followed by a quiet one. These are
scored from their second second on.
"""

import argparse
from collections.abc import Callable
from pathlib import Path

import numpy as np

from fqss_tf.evaluation import load_mixtures
from fqss_tf.metrics import si_sdr
from fqss_tf.progress import bar
from fqss_tf.runtime import Separator, StreamingSeparator
from fqss_tf.tflite.file import TfliteFile
from fqss_tf.tflite.shipped import model_path

LEVELS = (0, -10, -20, -30, -40, -50)
BEHIND = (0, -20, -30)
PEAK = 2**15 - 1


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("models", nargs="+")
    parser.add_argument("--data", required=True, type=Path)
    parser.add_argument("--mixtures", type=int, default=24, help="so many of the test mixtures")
    options = parser.parse_args()
    mixtures, rate = load_mixtures(options.data)
    pairs = [(mixture, sources[0]) for _, _, mixture, sources in mixtures[: options.mixtures]]
    heads = [f"{level} dBFS" for level in LEVELS]
    heads += [f"{level} dBFS behind 0 dBFS" for level in BEHIND]
    cases = [(level, 0) for level in LEVELS] + [(level, rate) for level in BEHIND]
    print(f"| | {' | '.join(heads)} |\n|---|{'---:|' * len(heads)}")
    for model in options.models:
        separate = separator(model_path(model), rate)
        with bar(model, len(heads)) as shown:
            cells = []
            for level, skipped in cases:
                cells.append(f"{improvement(separate, pairs, level, skipped):.2f}")
                shown.update(1)
        print(f"| `{Path(model).stem}` | {' | '.join(cells)} |")


def separator(path: Path, rate: int) -> Callable[[np.ndarray], np.ndarray]:
    """int16 mixture -> its voice."""
    file = TfliteFile.open(path)
    if file.metadata.is_streaming:
        stream = StreamingSeparator(file)
        return lambda mixture: next(iter(stream.separate(mixture).values()))
    whole = Separator(file)
    return lambda mixture: next(iter(whole(mixture, rate).values()))


def improvement(
    separate: Callable[[np.ndarray], np.ndarray], pairs: list, level: float, skipped: int
) -> float:
    """Mean SI-SDR improvement in dB of mixtures at a level; with ``skipped`` behind loud ones."""
    gains = []
    for number, (mixture, voice) in enumerate(pairs):
        before = pairs[number - 1][0] if skipped else np.zeros(0)
        heard = np.concatenate([at_peak(before, 0), at_peak(mixture, level)])
        estimate = separate(heard)[len(before) + skipped :].astype(float)
        gains.append(si_sdr(estimate, voice[skipped:]) - si_sdr(mixture[skipped:], voice[skipped:]))
    return float(np.mean(gains))


def at_peak(mixture: np.ndarray, level: float) -> np.ndarray:
    """int16 samples whose peak is at ``level`` dBFS."""
    if not len(mixture):
        return np.zeros(0, np.int16)
    scaled = mixture * (PEAK * 10 ** (level / 20) / np.abs(mixture).max())
    return np.round(scaled).astype(np.int16)


if __name__ == "__main__":
    main()
