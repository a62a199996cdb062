"""Dual-path networks in float and in integers: scores and speeds. Makes docs/results/dual-path.md.

    python benchmarks/dual_path.py NETWORK... --output OUT [--data DIR] [--seconds S] [--runs N]

A NETWORK is a recipe, whose random weights are enough to time it, or NAME=RUN[,qat=RUN], a run of
a voice recipe and, to compare, one of the same float network by ``--method qat``. Makes
``float32``, ``ptq`` (post-training int8), ``qat`` and ``fqss`` .tflite files in OUT/NAME, or takes
those that are there. DIR is a data set with a list of test mixtures, on which files of runs are
scored by input SNR. Files take segments of S seconds; those of runs the length of the mixtures.

Times are the least CPU times of N calls in turn, on one thread, so that they hold on a machine that
has other work to do.
"""

import argparse
import json
import time
from collections.abc import Sequence
from pathlib import Path

from voice import make_files, table

from fqss_tf import convert
from fqss_tf.benchmark.machine import describe
from fqss_tf.benchmark.measure import WARM_UP, measure
from fqss_tf.benchmark.profiler import profile
from fqss_tf.benchmark.subjects import TfliteSubject, tflite_subject
from fqss_tf.config import load_recipe
from fqss_tf.evaluation import evaluate, load_mixtures
from fqss_tf.evaluation.breakdown import breakdown
from fqss_tf.files import atomic_path
from fqss_tf.runs.untrained import UntrainedRun
from fqss_tf.types import Json

PROFILED = 30  # invocations
NAMED = 4  # slowest kinds of op


def main() -> None:
    options = _arguments()
    results: Json = {"machine": describe(), "networks": {}}
    print(json.dumps(results["machine"]))
    for network in options.networks:
        name, _, runs = network.partition("=")
        folder = options.output / name
        folder.mkdir(parents=True, exist_ok=True)
        results["networks"][name] = (
            _of_runs(runs, folder, options.data) if runs else _of_recipe(name, folder, options)
        )
    for found in results["networks"].values():
        found["speed"] = speed(found["files"], options.runs)
    with atomic_path(options.output / "results.json") as temporary:
        temporary.write_text(json.dumps(results, indent=1))
    for name, found in results["networks"].items():
        for source in found["scores"].get("float32", [{"sources": []}])[0]["sources"]:
            print(f"{name}: SI-SDR improvement of the {source}, dB\n"
                  f"{table(found['scores'], source)}\n")
    print(speed_table(results["networks"]))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    add = parser.add_argument
    add("networks", nargs="+", metavar="NETWORK", help="a recipe, or NAME=RUN[,qat=RUN]")
    add("--output", required=True, type=Path)
    add("--data", type=Path, help="data set of named sources; needed for runs")
    add("--seconds", type=float, default=1.0, help="of a segment, for recipes")
    add("--runs", type=int, default=20, help="timed invocations of each file")
    options = parser.parse_args()
    if options.data is None and any("=" in network for network in options.networks):
        parser.error("runs are scored: give --data")
    return options


def _of_recipe(name: str, folder: Path, options: argparse.Namespace) -> Json:
    """Files of a recipe's network with random weights, which nobody scores."""
    run = UntrainedRun(load_recipe(name))
    paths = []
    for file_type in ("float32", "int8"):
        path = folder / f"{file_type}.tflite"
        if not path.exists():
            convert(run, path, file_type, seconds=options.seconds, least_sqnr=float("-inf"))
        paths.append(path)
    return {"files": [str(path) for path in paths], "scores": {}}


def _of_runs(runs: str, folder: Path, data: Path) -> Json:
    """Files of trained networks, and their scores on the test mixtures."""
    run, *compared = runs.split(",")
    mixtures, rate = load_mixtures(data)
    form = argparse.Namespace(run=Path(run), output=folder, stream=False, compare=compared)
    paths = make_files(form, len(mixtures[0][2]) / rate)
    scores = evaluate(paths, mixtures, rate=rate)
    return {
        "files": [str(path) for path in paths],
        "scores": {Path(score.name).stem: breakdown(score) for score in scores},
    }


def speed(files: list[str], runs: int) -> Json:
    """Least ms of the first file, float32, and the last one, and what the ops of the last take."""
    ends = [Path(files[0]), Path(files[-1])]
    subjects = [tflite_subject(path) for path in ends]
    (int8,) = measure(subjects[1:], 1, 1)
    milliseconds = least_cpu_times(subjects, runs)
    kinds = shares(ends[1], milliseconds[1])
    parity = json.loads(ends[1].with_suffix(".json").read_text())["parity"]
    return {
        "float32_ms": milliseconds[0], "int8_ms": milliseconds[1], "kinds": kinds,
        "outside_xnnpack": sum(kind["share"] for kind in kinds if not kind["in_xnnpack"]),
        "float32_bytes": ends[0].stat().st_size,
        "int8_bytes": ends[1].stat().st_size, "memory_bytes": int8.memory_bytes,
        "sqnr_db": {kernels: found["sqnr_db"] for kernels, found in parity.items()},
    }


def least_cpu_times(subjects: Sequence[TfliteSubject], runs: int) -> list[float]:
    """The least CPU time of each file in ms; they take turns."""
    invocations = [subject.load(1) for subject in subjects]
    least = [float("inf")] * len(subjects)
    for _ in range(runs + WARM_UP):
        for place, invoke in enumerate(invocations):
            started = time.process_time()
            invoke()
            least[place] = min(least[place], 1000 * (time.process_time() - started))
    return least


def shares(path: Path, whole: float) -> list[Json]:
    """What part of an invocation of ``whole`` ms each kind of op takes, slowest first.

    Least times, because medians would tell what else the machine does. The profiler cuts them to
    microseconds, so the steps of an LSTM are missing in part.
    """
    found = profile(path, 1, PROFILED)
    taken: dict[tuple[str, bool], float] = {}
    for same in zip(*found.invocations, strict=True):
        kind = same[0].name, same[0].in_xnnpack
        taken[kind] = taken.get(kind, 0.0) + min(event.milliseconds for event in same)
    return [
        {"name": name, "in_xnnpack": inside, "share": milliseconds / whole}
        for (name, inside), milliseconds in sorted(taken.items(), key=lambda item: -item[1])
    ]


def speed_table(networks: Json) -> str:
    """One row for each network."""
    lines = [
        "| network | float32 | int8 | outside XNNPACK | most of the time in int8 | SQNR to the "
        "simulation: XNNPACK, reference | file | memory |",
        "|---|---:|---:|---:|---|---:|---:|---:|",
    ]
    for name, found in networks.items():
        row = found["speed"]
        slowest = ", ".join(
            f"{kind['name']}{'' if kind['in_xnnpack'] else ' (LiteRT)'} {kind['share']:.0%}"
            for kind in row["kinds"][:NAMED]
        )
        sqnr = ", ".join(f"{row['sqnr_db'][name]:.1f}" for name in ("xnnpack", "reference"))
        lines.append(
            f"| `{name}` | {row['float32_ms']:.1f} ms | {row['int8_ms']:.1f} ms "
            f"| {row['outside_xnnpack']:.0%} | {slowest} | {sqnr} dB "
            f"| {row['int8_bytes'] / 1e6:.1f} MB | {(row['memory_bytes'] or 0) / 1e6:.0f} MB |"
        )
    return "\n".join(lines)


if __name__ == "__main__":
    main()
