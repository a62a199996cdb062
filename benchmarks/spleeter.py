"""Spleeter's 2-stem network in float and in integers, on MIR-1K. Makes docs/results/music.md.

    python benchmarks/spleeter.py CHECKPOINT --songs DIR --output OUT [--clips N]

CHECKPOINT is the folder of the published TensorFlow checkpoint, with ``model.index``. DIR holds the
clips of MIR-1K (``Wavfile``): 16 kHz, the accompaniment left and the singer right. Makes a run and
``float32`` and ``int8`` .tflite files in OUT, or takes those that are there. The ranges of int8 are
measured on clips that are not scored.
"""

import argparse
import json
import time
from pathlib import Path

import numpy as np
import soundfile

from fqss_tf import Run, Separator, convert
from fqss_tf.audio.resampling import resample
from fqss_tf.benchmark.machine import describe
from fqss_tf.files import atomic_path
from fqss_tf.importing.importer import import_checkpoint
from fqss_tf.metrics import si_sdr

STEMS = ("vocals", "accompaniment")
CALIBRATION_CLIPS = 12
PEAK = 0.99


def main() -> None:
    options = _arguments()
    clips = sorted(options.songs.glob("*.wav"))
    chosen = clips[:: max(len(clips) // (options.clips + CALIBRATION_CLIPS), 1)]
    # Every second of them, so that both have all singers.
    for_ranges = chosen[1 : 2 * CALIBRATION_CLIPS : 2]
    scored = [clip for clip in chosen if clip not in for_ranges][: options.clips]
    files = make_files(options, for_ranges)
    scores = {name: [] for name in ("mixture", *files)}
    seconds = dict.fromkeys(files, 0.0)
    total = 0.0
    separators = {name: Separator(path) for name, path in files.items()}
    for clip in scored:
        stems, rate = song(clip)
        mixture = stems.sum(axis=0)
        total += len(mixture) / rate
        scores["mixture"].append(score({name: mixture for name in STEMS}, stems))
        stereo = np.stack([mixture] * 2, axis=1)
        for name, separator in separators.items():
            started = time.process_time()
            found = separator(stereo, rate)
            seconds[name] += time.process_time() - started
            estimates = {stem: found[stem].mean(axis=1) for stem in STEMS}
            scores[name].append(score(estimates, stems))
    result = {
        "machine": describe(), "clips": [clip.name for clip in scored], "seconds": round(total, 1),
        "scores": {name: np.mean(rows, axis=0).tolist() for name, rows in scores.items()},
        "cpu_seconds_per_second": {name: spent / total for name, spent in seconds.items()},
        "bytes": {name: path.stat().st_size for name, path in files.items()},
        "parity": {
            name: json.loads(path.with_suffix(".json").read_text())["parity"]
            for name, path in files.items()
        },
    }
    with atomic_path(options.output / "results.json") as temporary:
        temporary.write_text(json.dumps(result, indent=1))
    print(f"{len(scored)} clips, {total:.0f} s\n\n{table(result)}\n")
    for name, kernels in result["parity"].items():
        for kind, found in kernels.items():
            print(f"{name}, {kind} kernels: {found['sqnr_db']:.1f} dB over the difference to Keras")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    add = parser.add_argument
    add("checkpoint", type=Path, help="folder of Spleeter's 2-stem checkpoint")
    add("--songs", required=True, type=Path, help="folder of MIR-1K's clips")
    add("--output", required=True, type=Path)
    add("--clips", type=int, default=16, help="how many are scored")
    return parser.parse_args()


def song(clip: Path) -> tuple[np.ndarray, int]:
    """(vocals and accompaniment float32 [2, samples], equally loud and of peak PEAK; 44100)."""
    samples, rate = soundfile.read(clip, dtype="float32")
    stems = samples[:, ::-1].T
    stems = stems / np.sqrt(np.mean(stems**2, axis=1, keepdims=True))
    stems = np.stack([resample(stem, rate, 44100) for stem in stems])
    return (stems * PEAK / np.abs(stems.sum(axis=0)).max()).astype(np.float32), 44100


def make_files(options: argparse.Namespace, for_ranges: list[Path]) -> dict[str, Path]:
    """Makes the run and the files that are missing; returns the paths by name."""
    options.output.mkdir(parents=True, exist_ok=True)
    folder = options.output / "run"
    if not folder.exists():
        import_checkpoint(options.checkpoint, folder)
    mixtures = options.output / "calibration"
    mixtures.mkdir(exist_ok=True)
    for clip in for_ranges:
        stems, rate = song(clip)
        soundfile.write(mixtures / clip.name, stems.sum(axis=0), rate)
    wanted = {
        "float32": {"file_type": "float32"},
        "int8": {"ptq": True, "planes": 2, "calibration": mixtures},
    }
    paths = {}
    for name, arguments in wanted.items():
        paths[name] = options.output / f"{name}.tflite"
        if not paths[name].exists():
            convert(Run(folder), paths[name], **arguments)
    return paths


def score(estimates: dict[str, np.ndarray], stems: np.ndarray) -> list[list[float]]:
    """For each stem its [SI-SDR, SDR] in dB."""
    return [
        [float(si_sdr(estimates[name], stem)), sdr(estimates[name], stem)]
        for name, stem in zip(STEMS, stems, strict=True)
    ]


def sdr(estimate: np.ndarray, stem: np.ndarray) -> float:
    """Energy of the stem over that of the error, dB: level and all."""
    error = np.sum((estimate - stem) ** 2, dtype=np.float64)
    return float(10 * np.log10(np.sum(stem**2, dtype=np.float64) / error))


def table(result: dict) -> str:
    """One row for each file: its scores and its time."""
    lines = [
        "| | vocals SI-SDR | vocals SDR | accompaniment SI-SDR | accompaniment SDR | "
        "CPU seconds for a second | MB |",
        "|---|---:|---:|---:|---:|---:|---:|",
    ]
    for name, ((voice, voice_sdr), (rest, rest_sdr)) in result["scores"].items():
        spent = result["cpu_seconds_per_second"].get(name)
        size = result["bytes"].get(name)
        cells = [name, *(f"{value:.2f}" for value in (voice, voice_sdr, rest, rest_sdr))]
        cells += [f"{spent:.3f}" if spent else "", f"{size / 1e6:.1f}" if size else ""]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
