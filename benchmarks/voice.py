"""A voice network in float and in integers, by input SNR. Makes docs/results/voice.md.

    python benchmarks/voice.py RUN --data DIR --output OUT [--compare NAME=RUN] [--stream]

RUN is a run of a voice recipe, trained with FQSS; the runs of --compare are of the same float
network, trained in other ways, such as ``--method qat``. DIR is a data set with a list of test
mixtures. Makes ``float32``, ``ptq`` (post-training int8), ``NAME`` and ``fqss`` .tflite files in
OUT, or takes those that are there, and scores them.
"""

import argparse
import json
from pathlib import Path

from fqss_tf import Run, convert
from fqss_tf.benchmark.machine import describe
from fqss_tf.evaluation import evaluate, load_mixtures
from fqss_tf.evaluation.breakdown import breakdown
from fqss_tf.files import atomic_path
from fqss_tf.types import Json


def main() -> None:
    options = _arguments()
    options.output.mkdir(parents=True, exist_ok=True)
    mixtures, rate = load_mixtures(options.data)
    paths = make_files(options, len(mixtures[0][2]) / rate)
    results = {
        Path(score.name).stem: breakdown(score)
        for score in evaluate(paths, mixtures, rate=rate)
    }
    with atomic_path(options.output / "results.json") as temporary:
        temporary.write_text(json.dumps({"machine": describe(), "files": results}, indent=1))
    for source in results["float32"][0]["sources"]:
        print(f"SI-SDR improvement of the {source}, dB\n{table(results, source)}\n")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    add = parser.add_argument
    add("run", type=Path, help="folder of a run with float and quantized weights")
    add("--data", required=True, type=Path, help="data set of named sources")
    add("--output", required=True, type=Path)
    add(
        "--compare", metavar="NAME=RUN", action="append", default=[],
        help="run of the same float network that was trained in another way; may be repeated",
    )
    add("--stream", action="store_true", help="int8 files are streaming models")
    return parser.parse_args()


def make_files(options: argparse.Namespace, seconds: float) -> list[Path]:
    """Makes the files that are missing; returns the paths of all.

    Files that are no streaming models take segments of so many seconds: those of the mixtures, so
    that all see the same past.
    """
    run = Run(options.run)
    form = {"stream": True} if options.stream else {"seconds": seconds}
    wanted: dict[str, tuple[Run, Json]] = {
        "float32": (run, {"file_type": "float32", "seconds": seconds}),
        "ptq": (run, {"ptq": True, "planes": 2, **form}),
    }
    for compared in options.compare:
        name, _, folder = compared.partition("=")
        wanted[name] = (Run(folder), form)
    if run.is_quantized:
        wanted["fqss"] = (run, form)
    paths = []
    for name, (source, arguments) in wanted.items():
        path = options.output / f"{name}.tflite"
        if not path.exists():
            convert(source, path, least_sqnr=float("-inf"), **arguments)
        paths.append(path)
    return paths


def table(results: dict[str, list[Json]], source: str) -> str:
    """One row for each level of the mixtures: float, and what the others lose against it."""
    names = [name for name in results if name != "float32"]
    losses = " | ".join(f"{name} loses" for name in names)
    lines = [
        f"| input SNR | mixtures | float32 | {losses} |", f"|---|---:|---:|{'---:|' * len(names)}"
    ]
    for place, row in enumerate(results["float32"]):
        reference = row["sources"][source]["si_sdri"]
        cells = [row["mixtures"], str(row["count"]), f"{reference:.2f}"]
        for name in names:
            found = results[name][place]["sources"][source]["si_sdri"]
            cells.append(f"{reference - found:.2f}")
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
