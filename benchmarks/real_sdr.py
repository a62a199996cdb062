"""A published network at real SDRs: what its integer files lose. Makes docs/results/real-sdr.md.

    python benchmarks/real_sdr.py --weights F --speech DIR --noise DIR --output DIR [--steps N]

Takes a ConvTasNet of one source in asteroid's layout, mixes speech with noise at -5 to 30 dB, and
makes ``float32.tflite``, ``ptq.tflite``, ``qat.tflite`` and ``fqss.tflite``. Scores them on test
mixtures of speakers and noises that training never sees, and writes ``results.json``. After an
interruption the same command goes on.

SPEECH holds files named ``<speaker>-<rest>``, NOISE the folders ``train`` and ``test``, all at the
rate of the network.
"""

import argparse
import csv
import json
import os
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import soundfile

from fqss_tf.benchmark.machine import describe
from fqss_tf.evaluation import evaluate, load_mixtures
from fqss_tf.files import atomic_path

SECONDS = 5.0
SNR_DB = (-5.0, 30.0)
DEV_MIXTURES = 24
DEV_SPEAKERS = 12
DEV_NOISES = 10  # one of so many noises for training
LEVELS = ((-np.inf, 5.0), (5.0, 15.0), (15.0, np.inf))
FILES = ("float32", "ptq", "qat", "fqss")


def main() -> None:
    options = _arguments()
    output = options.output
    data = output / "data"
    if not (data / "test" / "mixtures.csv").exists():
        make_set(data, options.speech, options.noise, options.rate, options.mixtures)
    make_files(options, data)
    paths = [output / f"{name}.tflite" for name in FILES if (output / f"{name}.tflite").exists()]
    mixtures, rate = load_mixtures(data)
    scores = evaluate(paths, mixtures, rate=rate)
    results = summary(scores, options.steps)
    for name, found in results["files"].items():
        found["parity"] = json.loads((output / f"{name}.json").read_text())["parity"]
    with atomic_path(output / "results.json") as temporary:
        temporary.write_text(json.dumps(results, indent=1))
    print(table(results))
    print("\n".join(ahead(results)))


def _arguments():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    add = parser.add_argument
    add("--weights", required=True, type=Path, help="checkpoint in asteroid's layout")
    add("--speech", required=True, type=Path)
    add("--noise", required=True, type=Path)
    add("--output", required=True, type=Path)
    add("--rate", type=int, default=16000, help="Hz, of the network and of all audio")
    add("--steps", type=int, default=120, help="of training, for QAT and for FQSS")
    add("--mixtures", type=int, default=80, help="of the test set")
    add("--only", choices=FILES, action="append", help="make and score these files alone")
    return parser.parse_args()


def make_set(folder: Path, speech: Path, noise: Path, rate: int, mixtures: int) -> None:
    """Writes a data set of one source: links to speech and noise, and lists of fixed mixtures.

    The last fifth of the speakers is for testing, the ones before and every tenth noise for
    choosing weights.
    """
    speakers: dict[str, list[Path]] = {}
    for path in sorted(speech.iterdir()):
        speakers.setdefault(path.name.split("-")[0], []).append(path.absolute())
    names = sorted(speakers)
    tested = names[-(len(names) // 5) :]
    chosen = names[-len(tested) - DEV_SPEAKERS : -len(tested)]
    trained = names[: -len(tested) - DEV_SPEAKERS]
    for name in trained:
        for path in speakers[name]:
            _link(path, folder / "train" / name / path.name)
    noises = list(_audio(noise / "train"))
    held_out = noises[::DEV_NOISES]
    for path in set(noises) - set(held_out):
        _link(path, folder / "noise" / path.relative_to((noise / "train").absolute()))
    for part, among, sounds, count in (
        ("dev", chosen, held_out, DEV_MIXTURES),
        ("test", tested, list(_audio(noise / "test")), mixtures),
    ):
        voices = [path for name in among for path in speakers[name]]
        _write_mixtures(folder / part, voices, sounds, rate, count)


def _link(path: Path, link: Path) -> None:
    link.parent.mkdir(parents=True, exist_ok=True)
    if not link.exists():
        os.symlink(path, link)


def _audio(folder: Path) -> Iterable[Path]:
    # Not by glob, which passes over names that begin with a dot.
    for parent, _, names in sorted(os.walk(folder)):
        yield from (Path(parent, name).absolute() for name in sorted(names))


def _write_mixtures(folder, voices, sounds, rate, count):
    rng = np.random.default_rng(0)
    samples = int(SECONDS * rate)
    folder.mkdir(parents=True, exist_ok=True)
    rows = []
    while len(rows) < count:
        cuts = [_cut(paths[rng.integers(len(paths))], samples, rng) for paths in (voices, sounds)]
        if None in cuts:
            continue
        (voice, voice_start, speech), (sound, sound_start, noise) = cuts
        snr = rng.uniform(*SNR_DB)
        gain = np.std(speech) / np.std(noise) / 10 ** (snr / 20)
        peak = np.abs(speech + gain * noise).max()
        rows.append({
            "mixture_id": f"{len(rows):03d}_{snr:.2f}", "path_1": os.path.relpath(voice, folder),
            "start_1": voice_start, "gain_1": 0.9 / peak, "samples": samples,
            "noise_path": os.path.relpath(sound, folder), "noise_start": sound_start,
            "noise_gain": 0.9 * gain / peak,
        })
    with atomic_path(folder / "mixtures.csv") as temporary:
        with temporary.open("w", newline="") as file:
            writer = csv.DictWriter(file, rows[0], lineterminator="\n")
            writer.writeheader()
            writer.writerows(rows)


def _cut(path, samples, rng):
    """(path, start, samples) of a random place that is not silent; None if there is none."""
    frames = soundfile.info(path).frames
    if frames < samples:
        return None
    start = int(rng.integers(frames - samples + 1))
    waveform, _ = soundfile.read(path, start=start, frames=samples)
    return (path, start, waveform) if np.std(waveform) > 1e-3 else None


def make_files(options: argparse.Namespace, data: Path) -> None:
    """Makes the .tflite files that are not there yet, and the runs that they come from."""
    from fqss_tf.config import with_settings
    from fqss_tf.export.convert import convert
    from fqss_tf.importing.importer import import_checkpoint
    from fqss_tf.runs.run import Run
    from fqss_tf.training.stages import train

    output, wanted = options.output, options.only or FILES
    settings = (
        f"data.datasets=[{data}]", f"data.noise_datasets=[{data / 'noise'}]",
        "data.noise_fraction=1", f"data.min_noise_snr_db={SNR_DB[0]}",
        f"data.max_noise_snr_db={SNR_DB[1]}", "data.segment_seconds=2", "data.wide_fraction=0",
        f"data.dev_mixtures={DEV_MIXTURES}", "quantization.calibration_steps=60",
        "quantization.masking=centered", f"qat.steps={options.steps}", "qat.batch_size=2",
        "quantization.distillation_average=decibel", "quantization.recompute=false",
        "qat.learning_rate=3e-4", "qat.evaluate_every=50",
    )
    if not (output / "float" / "float.npz").exists():
        import_checkpoint(options.weights, output / "float", rate=options.rate, settings=settings)
    teacher = Run(output / "float")
    # Files of networks that lose much are kept all the same, to be scored.
    limits = {"seconds": SECONDS, "least_sqnr": float("-inf")}
    for name in wanted:
        file = output / f"{name}.tflite"
        if file.exists():
            continue
        if name == "float32":
            convert(teacher, file, "float32", seconds=SECONDS)
        elif name == "ptq":
            convert(teacher, file, ptq=True, planes=2, **limits)
        else:
            recipe = with_settings(teacher.recipe, settings)
            folder = output / name
            run = train(
                recipe, folder, method=name, teacher=teacher, resume=(folder / "run.json").exists()
            )
            convert(run, file, **limits)


def summary(scores: list, steps: int) -> dict:
    """Mean SI-SDR of each file, and what it loses against the first, overall and by level.

    ``loss_error`` is the standard error of the mean loss.
    ``input`` levels are SNRs of the mixtures, ``below_15`` are the mixtures whose float SI-SDR is
    below 15 dB; all in dB.
    """
    reference = np.array([row.si_sdr for row in scores[0].rows])
    inputs = np.array([row.mixture_si_sdr for row in scores[0].rows])
    files = {}
    for score in scores:
        values = np.array([row.si_sdr for row in score.rows])
        loss = reference - values
        files[Path(score.name).stem] = {
            "si_sdr": round(float(values.mean()), 3),
            "loss": round(float(loss.mean()), 3),
            "loss_error": round(float(loss.std() / len(loss) ** 0.5), 3),
            "least_median_most": np.round(np.quantile(loss, (0, 0.5, 1)), 3).tolist(),
            "loss_by_input": [
                round(float(loss[(inputs >= low) & (inputs < high)].mean()), 3)
                for low, high in LEVELS
            ],
            "loss_below_15": round(float(loss[reference < 15].mean()), 3),
            "rows": [round(float(value), 3) for value in values],
        }
    return {
        "machine": describe(), "mixtures": len(reference), "steps": steps,
        "input_si_sdr": [round(float(value), 3) for value in inputs], "files": files,
    }


def table(results: dict) -> str:
    """The results as a Markdown table."""
    lines = [
        "| file | SI-SDR | loss | least / median / most "
        "| loss at input below 5 / 5 to 15 / above 15 dB | loss where float is below 15 dB "
        "| SQNR to the simulation, XNNPACK "
        "| reference kernels | SI-SDR against the simulation |",
        "|---|---:|---:|---:|---:|---:|---:|---:|---:|",
    ]
    for name, found in results["files"].items():
        by_input = " / ".join(f"{loss:.2f}" for loss in found["loss_by_input"])
        spread = " / ".join(f"{loss:.2f}" for loss in found["least_median_most"])
        lines.append(
            f"| {name} | {found['si_sdr']:.2f} | {found['loss']:.2f} ± {found['loss_error']:.2f} "
            f"| {spread} | {by_input} "
            f"| {found['loss_below_15']:.2f} | {found['parity']['xnnpack']['sqnr_db']:.1f} dB "
            f"| {found['parity']['reference']['sqnr_db']:.1f} dB "
            f"| {found['parity']['xnnpack']['si_sdr_difference_db']:+.2f} / "
            f"{found['parity']['reference']['si_sdr_difference_db']:+.2f} |"
        )
    return "\n".join(lines)


def ahead(results: dict) -> list[str]:
    """By how much fqss is better than each other int8 file, mixture by mixture."""
    inputs = np.array(results["input_si_sdr"])
    rows = {name: np.array(found["rows"]) for name, found in results["files"].items()}
    lines = []
    for name in ("ptq", "qat"):
        if not rows.keys() >= {"fqss", name}:
            continue
        gain = rows["fqss"] - rows[name]
        cells = []
        for low, high in ((-np.inf, np.inf), *LEVELS):
            of_level = gain[(inputs >= low) & (inputs < high)]
            error = of_level.std() / len(of_level) ** 0.5
            cells.append(f"{of_level.mean():.2f} ± {error:.2f}")
        lines.append(f"fqss over {name}: {cells[0]} dB, by input SNR {' / '.join(cells[1:])}")
    return lines


if __name__ == "__main__":
    main()
