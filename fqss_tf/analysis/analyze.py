"""The whole analysis of a model: measured, summed up, drawn and written to a folder."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from fqss_tf.analysis import plots, summary
from fqss_tf.analysis.advice import advice, whole
from fqss_tf.analysis.excerpts import cut_excerpts
from fqss_tf.analysis.integer import Files, compare_files
from fqss_tf.analysis.page import write_page
from fqss_tf.analysis.simulation import INTEGER_BITS, TENSOR_BITS, Simulation, simulate
from fqss_tf.errors import FqssError
from fqss_tf.evaluation import default_task, load_mixtures
from fqss_tf.files import atomic_folder
from fqss_tf.models.registry import names_of, network_of
from fqss_tf.tflite.file import FileLike, TfliteFile, open_model
from fqss_tf.types import Json, NamedMixture, OnProgress, PathLike

if TYPE_CHECKING:
    from fqss_tf.runs.run import Run

SECONDS = 2.0


@dataclass(frozen=True)
class Options:
    """What is measured.

    ``utterances`` at most, spread over the manifest, ``seconds`` of each; single tensors and layers
    on ``tensor_utterances``; sources below ``least_sdr`` (dB) of float SI-SDR do not count;
    ``threads`` of the CPU.
    """

    utterances: int | None = None
    tensor_utterances: int = 8
    seconds: float = SECONDS
    least_sdr: float = 0.0
    threads: int = 2


@dataclass
class Analysis:
    """What ``analyze`` found; ``simulation`` is None without a run, ``files`` without files."""

    options: Options
    rate: int
    simulation: Simulation | None
    files: Files | None
    advice: dict[str, list[str]] = field(default_factory=dict)

    def groups(self) -> dict[str, list[Json]]:
        """Groups rows of what is quantized whole to 8 bits by integer file, or by network.

        Sources that the float network does not separate are left out.
        """
        groups: dict[str, list[Json]] = {}
        if self.files:
            groups = summary.grouped(self.files.rows, "model")
        elif self.simulation:
            groups = {
                network: whole(self.simulation, network)
                for network in summary.grouped(self.simulation.curves, "network")
            }
        return {
            name: summary.separated(rows, self.options.least_sdr) for name, rows in groups.items()
        }

    def plain_curves(self) -> list[Json]:
        """Gives separated rows of the network with one 8-bit input and output; none of files."""
        if self.simulation is None:
            return []
        rows = summary.where(self.simulation.curves, network="plain")
        return summary.separated(rows, self.options.least_sdr)

    def rankings(self) -> dict[str, list[Json]]:
        """Ranks the tensors of each network at 8 bits, the most sensitive first; none of files."""
        if self.simulation is None:
            return {}
        return {
            network: summary.ranking(
                self.simulation, network, INTEGER_BITS, self.options.least_sdr
            )
            for network in summary.grouped(self.simulation.tensors, "network")
        }

    def to_dict(self) -> Json:
        """Gives the summary as plain dicts, lists and numbers, for JSON."""
        least = self.options.least_sdr
        found: Json = {"least_sdr": least, "advice": self.advice}
        if self.simulation:
            rows = summary.separated(self.simulation.curves, least)
            found["curves"] = summary.curve_summary(rows)
            found["tensors"] = {
                network: {
                    str(bits): summary.ranking(self.simulation, network, bits, least)
                    for bits in (TENSOR_BITS if network == "plain" else [INTEGER_BITS])
                }
                for network in summary.grouped(self.simulation.tensors, "network")
            }
        if self.files:
            found["files"] = summary.file_summary(self.files, least)
            found["layers"] = self.files.layers
        return found


def analyze(
    models: Sequence[FileLike],
    data: PathLike,
    output: PathLike,
    manifest: str = "mixtures.csv",
    options: Options | None = None,
    progress: OnProgress | None = None,
    task: str | None = None,
) -> Analysis:
    """Analyses a run, or integer .tflite files beside their float32 one, or both.

    Writes ``analysis.json``, ``report.html`` and ``losses.png``; for a run ``curves.csv``,
    ``tensors.csv``, ``tensor_noise.csv``, ``bits.png`` and ``tensors.png``; for files
    ``files.csv``, ``layers.csv`` and ``layers.png``.

    Args:
        models: at most one run folder; a float32 .tflite and the integer ones of it, open already
            or by their paths.
        data: as for ``load_mixtures``.
        output: folder, new or empty.
        manifest: as for ``load_mixtures``.
        options: an Options.
        progress: called as ``progress(done, total)`` in percent, if given.
        task: as for ``load_mixtures``; what ``default_task`` says if None.

    Returns:
        An Analysis.

    Raises:
        FqssError: models that do not fit together or to the data, nothing that is separated, or
            ``output`` is in use. Then nothing is written.
    """
    options = options or Options()
    opened = [open_model(model) for model in models]
    run_path, float_file, integer_files = _sorted_models(opened)
    with atomic_folder(output) as folder:
        mixtures, rate = load_mixtures(data, manifest, task or default_task(opened), opened)
        if not mixtures:
            raise FqssError(f"{manifest} of {data} lists no mixtures: there is nothing to analyze")
        if options.utterances is not None and options.utterances < len(mixtures):
            places = np.linspace(0, len(mixtures) - 1, options.utterances).round().astype(int)
            mixtures = [mixtures[place] for place in places]
        if float_file:
            for file in integer_files:
                _check_pair(float_file, file)
        run = _open_run(run_path, options.threads) if run_path else None
        _check_data(run, float_file, mixtures, rate)
        if float_file:
            samples = float_file.metadata.segment
        elif run:
            samples = run.recipe.segment(options.seconds)
        else:
            raise FqssError("no model is given: give a run folder or .tflite files")
        if run and float_file and samples % run.config.hop:
            raise FqssError(
                f"{run_path} needs segments of a multiple of {run.config.hop} samples but "
                f"{float_file.path} has {samples}: analyze them separately"
            )
        excerpts = cut_excerpts(mixtures, samples)
        parts = sum(part is not None for part in (run, float_file))
        simulation = files = None
        settings = options.tensor_utterances, options.least_sdr
        if float_file:  # first, as it is quick and may find mistakes
            files = compare_files(
                float_file, integer_files, excerpts, *settings, _share(progress, 0, parts)
            )
        if run:
            simulation = simulate(run, excerpts, *settings, _share(progress, parts - 1, parts))
        analysis = Analysis(options, rate, simulation, files)
        analysis.advice = advice(simulation, files, options.least_sdr)
        _write(analysis, folder)
        write_page(analysis, folder)
    return analysis


def _share(progress: OnProgress | None, part: int, parts: int) -> OnProgress | None:
    if progress is None:
        return None
    return lambda done, total: progress(100 * (part + done / total) / parts, 100)


def _sorted_models(
    models: Sequence[Path | TfliteFile]
) -> tuple[Path | None, TfliteFile | None, list[TfliteFile]]:
    runs = [model for model in models if not isinstance(model, TfliteFile)]
    files = [model for model in models if isinstance(model, TfliteFile)]
    if len(runs) > 1:
        raise FqssError(f"{runs[1]} is a second run: analyze one run at a time")
    floats = [file for file in files if file.metadata.type == "float32"]
    integers = [file for file in files if file not in floats]
    if files and (len(floats) != 1 or not integers):
        raise FqssError(
            f"{files[0].path}: .tflite files need each other, one float32 file and int8 files of "
            "the same network"
        )
    return runs[0] if runs else None, floats[0] if floats else None, integers


def _check_pair(float_file: TfliteFile, file: TfliteFile) -> None:
    for name in ("network", "sample_rate", "segment", "sources"):
        expected, found = getattr(float_file.metadata, name), getattr(file.metadata, name)
        if found != expected:
            raise FqssError(
                f"{file.path} has {name} {found} but {float_file.path} {expected}: give files of "
                "the same network"
            )


def _open_run(path: PathLike, threads: int) -> Run:
    import contextlib

    import tensorflow as tf

    from fqss_tf.runs.run import Run

    with contextlib.suppress(RuntimeError):  # TensorFlow has computed before in this process
        tf.config.threading.set_intra_op_parallelism_threads(threads)
    run = Run(path)
    run.files.check_float()
    if not network_of(run.config).analyzed:
        analyzed = names_of(lambda network: network.analyzed)
        raise FqssError(f"{path} is a {run.recipe.network}: only runs of {analyzed} are analyzed")
    return run


def _check_data(
    run: Run | None,
    float_file: TfliteFile | None,
    mixtures: Iterable[NamedMixture],
    rate: int,
) -> None:
    found: list[tuple[Path, int, int]] = []
    if run:
        found.append((run.folder, run.recipe.data.sample_rate, run.config.sources))
    if float_file:
        metadata = float_file.metadata
        found.append((float_file.path, metadata.sample_rate, len(metadata.sources)))
    for path, own_rate, sources in found:
        if own_rate != rate:
            raise FqssError(f"{path} works at {own_rate} Hz but the mixtures have {rate} Hz: give "
                            "data of the model's rate")
        for name, _, _, true_sources in mixtures:
            if len(true_sources) != sources:
                raise FqssError(f"{path} gives {sources} sources but mixture {name} has "
                                f"{len(true_sources)}: give a model and data of the same number")


def _write(analysis: Analysis, folder: Path) -> None:
    simulation, files = analysis.simulation, analysis.files
    (folder / "analysis.json").write_text(json.dumps(analysis.to_dict(), indent=1))
    groups = analysis.groups()
    plots.losses(groups, folder / "losses.png")
    if simulation:
        _write_csv(folder / "curves.csv", simulation.curves)
        _write_csv(folder / "tensors.csv", simulation.tensors)
        _write_csv(folder / "tensor_noise.csv", simulation.own)
        plots.bits(analysis.plain_curves(), folder / "bits.png")
        plots.tensors(analysis.rankings(), folder / "tensors.png")
    if files:
        _write_csv(folder / "files.csv", files.rows)
        _write_csv(folder / "layers.csv", files.layers)
        plots.layers(files.layers, folder / "layers.png")


def _write_csv(path: Path, rows: Sequence[Json]) -> None:
    with open(path, "w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, rows[0], lineterminator="\n")
        writer.writeheader()
        for row in rows:
            writer.writerow({
                key: f"{value:.4f}" if isinstance(value, float) else value
                for key, value in row.items()
            })
