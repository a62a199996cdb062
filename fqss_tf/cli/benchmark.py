"""fqss-tf benchmark: how fast and how large, side by side, here or on a phone."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import click

from fqss_tf.cli.options import FiniteRange
from fqss_tf.cli.progress import progress_bar
from fqss_tf.cli.standard_streams import show
from fqss_tf.errors import FqssError

if TYPE_CHECKING:
    from fqss_tf.benchmark.measure import Measurement
    from fqss_tf.benchmark.op_times import OpTimes
    from fqss_tf.benchmark.phone import Phone, PhoneMeasurement
    from fqss_tf.benchmark.results import Results
    from fqss_tf.benchmark.subjects import Subject
    from fqss_tf.tflite.file import FileLike, TfliteFile
    from fqss_tf.types import Json, NamedMixture


@click.command()
@click.argument("models", metavar="MODEL...", nargs=-1, required=True)
@click.option("--threads", default="1", show_default=True, metavar="N,..",
              help="Number of CPU threads; several, as in 1,2,4, are measured one after the other.")
@click.option("--runs", default=50, show_default=True, type=click.IntRange(min=1),
              help="How often each model is timed.")
@click.option("--seconds", type=FiniteRange(min=0, min_open=True),
              help="For recipes: length of the segment in seconds; default: 1.")
@click.option("--types", metavar="T,..",
              help="For recipes: types to convert to, as in convert --type; default: int8.")
@click.option("--set", "settings", multiple=True, metavar="KEY=VALUE",
              help="For recipes: change a key, such as model.norm=batch; may be repeated.")
@click.option("--naive", is_flag=True,
              help="For recipes: also time the network as papers write it, converted without "
              "changes.")
@click.option("--torch", is_flag=True,
              help="For recipes: also time the network in PyTorch, which must be installed.")
@click.option("--onnx", "onnx_files", multiple=True, metavar="FILE",
              help="Also time an ONNX model in onnxruntime, with segments as long as those of the "
              "first MODEL; may be repeated.")
@click.option("--per-op", is_flag=True,
              help="Also print the time of each op, with the first number of threads.")
@click.option("--training", is_flag=True,
              help="Time training steps of a recipe instead, float and quantized in turn.")
@click.option("--data", metavar="DIR",
              help="Also score .tflite files and run folders on this data set, or on 'bundled'.")
@click.option("--plots", metavar="DIR", type=click.Path(path_type=Path, file_okay=False),
              help="Write figures of --data and --per-op to this folder.")
@click.option("--device", type=click.Choice(["adb"]),
              help="Measure on the connected Android phone instead of here.")
@click.option("--benchmark-model", metavar="PATH",
              help="For --device: Google's program benchmark_model for the phone; default: "
              "$FQSS_BENCHMARK_MODEL.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of tables.")
def command(
    models: tuple[str, ...],
    threads: str,
    runs: int,
    seconds: float | None,
    types: str | None,
    settings: tuple[str, ...],
    naive: bool,
    torch: bool,
    onnx_files: tuple[str, ...],
    per_op: bool,
    training: bool,
    data: str | None,
    plots: Path | None,
    device: Literal["adb"] | None,
    benchmark_model: str | None,
    as_json: bool,
) -> None:
    """Time each MODEL: a .tflite file, a run folder (its Keras model), or a recipe.

    MODEL can also be the name of a model that ships. Some recipes have the same name: they are
    meant if an option for recipes is given, such as --types.

    Print latency, real-time factor, memory and multiply-accumulates per second. The network of a
    recipe gets random weights and is converted first, which takes a minute or more. Each model
    runs in a process of its own. The models take turns, one invocation each.
    """
    from fqss_tf.benchmark.collect import RecipeOptions, collect, is_recipe
    from fqss_tf.benchmark.machine import describe
    from fqss_tf.benchmark.results import Results
    from fqss_tf.tflite.file import open_model
    from fqss_tf.tflite.shipped import is_shipped

    counts = _numbers(threads)
    if training:
        if len(models) > 1 or len(counts) > 1 or any(
            (seconds, types, naive, torch, onnx_files, per_op, data, plots, device, benchmark_model)
        ):
            raise click.UsageError(
                "--training takes one recipe, one number of --threads, --runs, --set and --json"
            )
        _training(models[0], settings, counts[0], runs, as_json)
        return
    recipe_options: Json = {
        "types": _types(types), "seconds": seconds, "naive": naive, "torch": torch,
        "settings": settings,
    }
    given = {key: value for key, value in recipe_options.items() if value}
    # Recipes and models that ship share names.
    is_file = [not is_recipe(model) or (not given and is_shipped(model)) for model in models]
    if given and all(is_file):
        raise click.UsageError(
            "--types, --seconds, --set, --naive and --torch go with a recipe, and none is given"
        )
    if data is not None and not any(is_file):
        raise click.UsageError("--data goes with a .tflite or a run: a recipe is not trained")
    if plots is not None and not (per_op or data):
        raise click.UsageError("--plots draws what --data and --per-op measure: add one")
    if benchmark_model and not device:
        raise click.UsageError("--benchmark-model goes with --device adb")
    if device and (per_op or torch or onnx_files):
        raise click.UsageError("--per-op, --torch and --onnx measure here only, not with --device")
    phone = _phone(device, benchmark_model)
    opened = {
        model: open_model(model) for model, opens in zip(models, is_file, strict=True) if opens
    }
    mixtures = _mixtures(data, list(opened.values()))
    if plots is not None:
        _make_folder(plots)
    with tempfile.TemporaryDirectory() as folder:
        with progress_bar("preparing") as progress:
            collected = collect(
                [opened.get(model, model) for model in models], RecipeOptions(**given), folder,
                progress, onnx_files,
            )
        subjects, files = collected.subjects, collected.files
        if per_op and not files:
            raise FqssError("--per-op needs a .tflite or a recipe: Keras graphs are not profiled")
        machine = describe() if phone is None else {"phone": phone.name}
        results = Results(
            machine, runs,
            _measure(phone, subjects, counts, runs),
            _scores(subjects, files.values(), mixtures, counts[0]),
            _op_times(files if per_op else {}, counts[0], runs),
        )
    if as_json:
        show(json.dumps(results.to_dict(), indent=2))
    else:
        show("\n".join(results.lines()))
    if plots is not None:
        _draw(plots, results)


def _training(recipe: str, settings: Sequence[str], threads: int, runs: int, as_json: bool) -> None:
    from fqss_tf.benchmark.machine import describe
    from fqss_tf.config import load_recipe

    resolved, machine = load_recipe(recipe, settings), describe()
    from fqss_tf.benchmark.results import machine_line
    from fqss_tf.benchmark.training import measure_training, training_dict, training_table

    with progress_bar("training steps") as progress:
        times = measure_training(resolved, threads, runs, progress)
    if as_json:
        rows = [training_dict(one, times[0]) for one in times]
        show(json.dumps(
            machine | {"recipe": recipe, "threads": threads, "runs": runs, "steps": rows}, indent=2
        ))
        return
    show(
        f"{machine_line(machine)}; "
        f"{threads} thread{'s' if threads > 1 else ''}, {runs} steps each, in turn.\n"
    )
    show("\n".join(training_table(times)))


def _numbers(text: str) -> list[int]:
    try:
        numbers = [int(part) for part in text.split(",")]
    except ValueError:
        numbers = []
    if not numbers or min(numbers) < 1:
        raise click.BadParameter(f"{text!r} is no list of numbers such as 1,2,4",
                                 param_hint="--threads")
    return list(dict.fromkeys(numbers))


def _types(text: str | None) -> tuple[str, ...]:
    from fqss_tf.formats import FILE_TYPES

    kinds = tuple(dict.fromkeys(text.split(","))) if text else ()
    for kind in kinds:
        if kind not in FILE_TYPES:
            raise click.BadParameter(f"{kind!r} is none of {', '.join(FILE_TYPES)}",
                                     param_hint="--types")
    return kinds


def _phone(device: Literal["adb"] | None, benchmark_model: str | None) -> Phone | None:
    if device is None:
        return None
    from fqss_tf.benchmark.phone import Phone

    return Phone(benchmark_model or os.environ.get("FQSS_BENCHMARK_MODEL"))


def _mixtures(
    data: str | None, models: Sequence[FileLike]
) -> tuple[Sequence[NamedMixture], int] | None:
    if data is None:
        return None
    from fqss_tf.evaluation import check_rates, default_task, load_mixtures

    mixtures, rate = load_mixtures(data, task=default_task(models), models=models)
    check_rates(models, rate)
    return mixtures, rate


def _make_folder(path: Path) -> None:
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise FqssError(f"cannot make the folder {path}: {error.strerror or error}") from error


def _measure(
    phone: Phone | None, subjects: Sequence[Subject], counts: Sequence[int], runs: int
) -> Sequence[Measurement | PhoneMeasurement]:
    if phone is not None:
        with progress_bar("on the phone") as progress:
            return phone.measure(subjects, counts, runs, progress)
    from fqss_tf.benchmark.measure import measure

    measurements: list[Measurement] = []
    for threads in counts:
        with progress_bar(f"timing with {threads} thread{'s' if threads > 1 else ''}") as progress:
            measurements += measure(subjects, threads, runs, progress)
    return measurements


def _scores(
    subjects: Iterable[Subject],
    files: Iterable[TfliteFile],
    mixtures: tuple[Sequence[NamedMixture], int] | None,
    threads: int,
) -> dict[Path, float]:
    """SI-SDR in dB by path, of what is trained."""
    if mixtures is None:
        return {}
    from fqss_tf.evaluation import evaluate

    listed, rate = mixtures
    paths = list(dict.fromkeys(s.scored for s in subjects if s.scored is not None))
    open_files = {file.path: file for file in files}
    scores = {}
    for path in paths:
        # One at a time: models of different segments are scored on their own.
        with progress_bar(f"scoring {path.name}") as progress:
            (score,) = evaluate([open_files.get(path, path)], listed, threads, progress, rate=rate)
        scores[path] = score.si_sdr
    return scores


def _op_times(files: Mapping[str, TfliteFile], threads: int, runs: int) -> dict[str, OpTimes]:
    """OpTimes by name of the model."""
    from fqss_tf.benchmark.op_times import op_times

    times = {}
    with progress_bar("profiling") as progress:
        for name, file in files.items():
            times[name] = op_times(file, threads, runs)
            if progress is not None:
                progress(len(times), len(files))
    return times


def _draw(folder: Path, results: Results) -> None:
    from fqss_tf.files import atomic_path
    from fqss_tf.report import plots

    if results.scores:
        with atomic_path(folder / "quality.png") as temporary:
            plots.quality_against_latency(results.quality_points(), temporary)
    for number, (name, times) in enumerate(results.op_times.items(), 1):
        with atomic_path(folder / f"ops_{number}.png") as temporary:
            plots.op_times(times, name, temporary)
