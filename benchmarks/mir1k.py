"""The clips of MIR-1K as songs of two stems, and scores of files on them.

MIR-1K: amateurs who sing Chinese pop songs to karaoke, 4 to 13 s each, at 16 kHz, the accompaniment
in the left channel and the singer in the right one.
"""

import argparse
import json
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import soundfile

from fqss_tf import Run, Separator, convert
from fqss_tf.audio.resampling import resample
from fqss_tf.benchmark.machine import describe
from fqss_tf.files import atomic_folder, atomic_path
from fqss_tf.metrics import si_sdr

STEMS = ("vocals", "accompaniment")
FILES = ("float32", "ptq", "qat", "fqss")
SCORED_SINGERS = 8
DEV_SINGERS = 2
DEV_CLIPS = 8
PEAK = 0.99


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What the benchmarks on these clips have in common."""
    add = parser.add_argument
    add("--songs", required=True, type=Path, help="folder of MIR-1K's clips")
    add("--output", required=True, type=Path)
    add("--clips", type=int, default=100, help="how many are scored")
    add("--only", choices=FILES, action="append", help="make and score these files alone")


def singer(clip: Path) -> str:
    """The first part of the name."""
    return clip.name.split("_")[0]


def divided(clips: list[Path], scored: int, trained: int) -> dict[str, list[Path]]:
    """Clips to train on, to choose weights by, and to score: of different singers."""
    singers = sorted({singer(clip) for clip in clips}, key=str.casefold)
    first_scored = len(singers) - SCORED_SINGERS
    first_dev = first_scored - DEV_SINGERS
    parts = {
        "train": (singers[:first_dev], trained),
        "dev": (singers[first_dev:first_scored], DEV_CLIPS),
        "test": (singers[first_scored:], scored),
    }
    found = {}
    for part, (names, count) in parts.items():
        among = [clip for clip in clips if singer(clip) in names]
        places = np.linspace(0, len(among) - 1, min(count, len(among)))
        found[part] = [among[round(place)] for place in places]
    return found


def write_parts(output: Path, parts: dict[str, list[Path]], rate: int) -> None:
    """Writes a data set, and prints who sings in each part of it."""
    for part, clips in parts.items():
        write_songs(output / part, clips, rate)
        singers = sorted({singer(clip) for clip in clips})
        print(f"{part}: {len(clips)} clips of {', '.join(singers)}")


def write_songs(folder: Path, clips: list[Path], rate: int) -> None:
    """Writes each clip that is not there yet as a track of aligned stems at a sample rate."""
    for clip in clips:
        track = folder / clip.stem
        if track.exists():
            continue
        stems = song(clip, rate)
        with atomic_folder(track) as temporary:
            for name, samples in zip(STEMS, stems, strict=True):
                soundfile.write(temporary / f"{name}.wav", samples, rate)


def song(clip: Path, rate: int) -> np.ndarray:
    """Vocals and accompaniment [2, samples] at ``rate``, equally loud, their sum of peak PEAK."""
    samples, own_rate = soundfile.read(clip, dtype="float32")
    stems = samples[:, ::-1].T
    stems = stems / np.sqrt(np.mean(stems**2, axis=1, keepdims=True))
    if own_rate != rate:
        stems = np.stack([resample(stem, own_rate, rate) for stem in stems])
    return (stems * PEAK / np.abs(stems.sum(axis=0)).max()).astype(np.float32)


def make_files(
    output: Path, wanted: list[str] | None, teacher: Run, seconds: float,
    trained: Callable[[str], Run],
) -> dict[str, Path]:
    """Makes the files that are missing; returns the paths by name.

    ``trained`` trains the network of ``teacher`` in 8 bits by a method, or goes on. Files take
    segments of so many ``seconds``. One that is far from Keras is kept and scored all the same.
    """
    paths = {name: output / f"{name}.tflite" for name in FILES if name in (wanted or FILES)}
    limits = {"seconds": seconds, "least_sqnr": float("-inf")}
    for name, path in paths.items():
        if path.exists():
            continue
        if name == "float32":
            convert(teacher, path, "float32", **limits)
        elif name == "ptq":
            convert(teacher, path, ptq=True, planes=2, **limits)
        else:
            convert(trained(name), path, **limits)
    return paths


def scored(files: dict[str, Path], clips: list[Path], rate: int) -> dict:
    """Scores files on clips that are heard in both channels; the files take turns, clip by clip."""
    scores = {name: [] for name in ("mixture", *files)}
    distances = {name: [] for name in files}
    seconds = dict.fromkeys(files, 0.0)
    total = 0.0
    separators = {name: Separator(path) for name, path in files.items()}
    for clip in clips:
        stems = song(clip, rate)
        mixture = stems.sum(axis=0)
        total += len(mixture) / rate
        scores["mixture"].append(score({name: mixture for name in STEMS}, stems))
        stereo = np.stack([mixture] * 2, axis=1)
        of_float: dict[str, np.ndarray] = {}
        for name, separator in separators.items():
            started = time.process_time()
            found = separator(stereo, rate)
            seconds[name] += time.process_time() - started
            estimates = {stem: found[stem].mean(axis=1) for stem in STEMS}
            of_float = of_float or estimates
            scores[name].append(score(estimates, stems))
            if name != "float32" and "float32" in files:
                distances[name].append([sdr(estimates[stem], of_float[stem]) for stem in STEMS])
    return {
        "machine": describe(), "clips": [clip.name for clip in clips],
        "seconds": round(total, 1),
        "scores": {name: np.mean(rows, axis=0).tolist() for name, rows in scores.items()},
        "rows": {name: np.round(rows, 3).tolist() for name, rows in scores.items()},
        "over_difference_to_float": {
            name: np.mean(rows, axis=0).tolist() for name, rows in distances.items() if rows
        },
        "cpu_seconds_per_second": {name: spent / total for name, spent in seconds.items()},
        "bytes": {name: path.stat().st_size for name, path in files.items()},
        "parity": {
            name: json.loads(path.with_suffix(".json").read_text())["parity"]
            for name, path in files.items()
        },
    }


def report(result: dict, output: Path) -> None:
    """Writes ``results.json`` into OUTPUT, and prints the tables."""
    with atomic_path(output / "results.json") as temporary:
        temporary.write_text(json.dumps(result, indent=1))
    print(json.dumps(result["machine"]))
    print(f"{result['seconds']:.0f} s scored\n\n{table(result)}\n")
    for name, kernels in result["parity"].items():
        for kind, found in kernels.items():
            print(f"{name}, {kind} kernels: {found['sqnr_db']:.1f} dB over the difference to Keras")


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
    """One row for each file: its scores, what it loses with standard errors, and its time."""
    lines = [
        "| | vocals SI-SDR | vocals SDR | accompaniment SI-SDR | accompaniment SDR | "
        "SI-SDR lost | SQNR to float32 (dB) | CPU seconds for a second | MB |",
        "|---|---:|---:|---:|---:|---:|---:|---:|---:|",
    ]
    rows = {name: np.array(found) for name, found in result["rows"].items()}
    for name, ((voice, voice_sdr), (rest, rest_sdr)) in result["scores"].items():
        spent = result["cpu_seconds_per_second"].get(name)
        size = result["bytes"].get(name)
        distance = result["over_difference_to_float"].get(name)
        cells = [name, *(f"{value:.2f}" for value in (voice, voice_sdr, rest, rest_sdr))]
        lost = (rows["float32"] - rows[name])[:, :, 0] if distance else np.zeros((0, len(STEMS)))
        errors = lost.std(axis=0) / max(len(lost), 1) ** 0.5
        cells += [
            " / ".join(
                f"{value:.2f} ± {error:.2f}"
                for value, error in zip(lost.mean(axis=0), errors, strict=True)
            ) if distance else "",
            " / ".join(f"{value:.1f}" for value in distance) if distance else "",
            f"{spent:.3f}" if spent else "", f"{size / 1e6:.1f}" if size else "",
        ]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)
