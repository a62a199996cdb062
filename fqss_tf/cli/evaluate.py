"""fqss-tf evaluate: separation scores of runs and .tflite files, side by side."""

from __future__ import annotations

import csv
import json
import math
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from fqss_tf.cli.options import models_on_mixtures
from fqss_tf.cli.progress import progress_bar
from fqss_tf.cli.standard_streams import show
from fqss_tf.files import atomic_path, check_place
from fqss_tf.text_table import aligned

if TYPE_CHECKING:
    from fqss_tf.evaluation import ModelScore, UtteranceScore
    from fqss_tf.types import Json

HEADER = ("model", "SI-SDR (dB)", "improvement (dB)", "difference (dB)", "real-time factor")


@click.command()
@models_on_mixtures
@click.option("--metrics", default="si_sdr", show_default=True, metavar="NAME,...",
              help="Which scores: si_sdr (always), sdr, stoi, pesq, dnsmos, and of songs sdr_mdx, "
              "sdr_museval, isr_museval, sir_museval and sar_museval. All but si_sdr and sdr_mdx "
              "need the extra fqss-tf[metrics].")
@click.option("--csv", "csv_path", metavar="FILE", type=click.Path(path_type=Path),
              help="Write the scores of each mixture to this file.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of a table.")
@click.option("--threads", default=1, show_default=True, type=click.IntRange(min=1),
              help="CPU threads.")
def command(
    models: tuple[Path, ...],
    data: str,
    manifest: str,
    task: str | None,
    metrics: str,
    csv_path: Path | None,
    as_json: bool,
    threads: int,
) -> None:
    """Score each MODEL, a run folder or a .tflite file, on the same mixtures.

    The columns are means over the mixtures: SI-SDR, its improvement over the mixture itself, the
    difference to the first MODEL, and the real-time factor (processing time over duration; below 1
    is faster than real time). Name the float model first, and the difference is what 8 bits cost.

    All models get the same segments; a streaming model gets each mixture as one stream. If the
    mixtures of two voices have a few fixed level differences, a second table scores the stronger
    and the weaker one.

    If sources have names, such as voice and background, another table scores each source: over all
    mixtures, for each 5 dB of the level of the first source over the others, and for each kind of
    mixture that the csv file names. STOI, PESQ and DNSMOS score only speech.

    sdr_mdx is the SDR of the Music Demixing Challenge: of a whole song, over all channels.
    sdr_museval is that of BSS Eval version 4: the median of the seconds of a song. isr_museval,
    sir_museval and sar_museval count what is off in space, from other sources, and as artifacts.
    With one of them, songs keep their channels, for models that hear two. The other scores are
    those of the average of the channels.
    """
    from fqss_tf.evaluation import (
        breakdown,
        breakdown_table,
        default_task,
        evaluate,
        level_sweep,
        load_mixtures,
        mixture_kinds,
        sweep_table,
    )
    from fqss_tf.evaluation.libraries import OF_SONGS
    from fqss_tf.tflite.file import open_model

    others = _others(metrics)

    if csv_path is not None:
        check_place(csv_path)
    opened = [open_model(model) for model in models]
    mixtures, rate = load_mixtures(
        data, manifest, task or default_task(opened), opened,
        keep_channels=any(name in OF_SONGS for name in others),
    )
    with progress_bar("evaluating") as progress:
        scores = evaluate(opened, mixtures, threads, progress, rate=rate, others=others)
    if csv_path is not None:
        _write_csv(csv_path, scores)
    kinds = mixture_kinds(data, manifest)
    broken_down = {score.name: breakdown(score, kinds) for score in scores}
    sweep = [{"model": score.name, **row} for score in scores for row in level_sweep(score)]
    if as_json:
        summary = _summary(scores, len(mixtures)) | {"sweep": sweep, "breakdown": broken_down}
        show(json.dumps(_known(summary), indent=2))
        return
    show("\n".join(_table(scores)))
    for name, rows in broken_down.items():
        if rows:
            show(f"\n{name}\n{breakdown_table(rows)}")
    if sweep:
        show("\nSI-SDR of the stronger / weaker source, dB")
        show(sweep_table(sweep, "model"))


def _known(value: Any) -> Any:
    """Plain values with null for scores that are not known: JSON has no NaN."""
    if isinstance(value, dict):
        return {key: _known(each) for key, each in value.items()}
    if isinstance(value, list):
        return [_known(each) for each in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _others(metrics: str) -> list[str]:
    """The scores that are asked for besides SI-SDR."""
    from fqss_tf.evaluation.libraries import NAMES

    names = [name for name in metrics.split(",") if name != "si_sdr"]
    for name in names:
        if name not in NAMES:
            raise click.UsageError(
                f"--metrics {name}: is unknown; use si_sdr, {', '.join(NAMES)}"
            )
    return names


def _write_csv(path: Path, scores: Sequence[ModelScore]) -> None:
    with atomic_path(path) as temporary:
        with open(temporary, "w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(_columns(scores[0].rows[0]))
            writer.writerows(_cells(score.name, row) for score in scores for row in score.rows)


def _columns(row: UtteranceScore) -> tuple[str, ...]:
    """Names of what ``_cells`` gives for mixtures like this one."""
    sources = len(row.source_si_sdr)
    of_sources = (f"si_sdr_{source + 1}" for source in range(sources))
    of_two = ("stronger_si_sdr", "weaker_si_sdr") if sources == 2 else ()
    others = (f"{name}_{source + 1}" for name in row.others for source in range(sources))
    return (
        "model", "mixture_id", "level_difference", *of_sources, "si_sdr", "si_sdri", *of_two,
        *others,
    )


def _cells(name: str, row: UtteranceScore) -> tuple[str | float, ...]:
    values = [*row.source_si_sdr, row.si_sdr, row.si_sdri]
    if len(row.source_si_sdr) == 2:
        values += [row.stronger_si_sdr, row.weaker_si_sdr]
    values += [value for scores in row.others.values() for value in scores]
    return (name, row.mixture_id, row.level_difference, *(f"{value:.4f}" for value in values))


def _summary(scores: Sequence[ModelScore], mixtures: int) -> Json:
    return {
        "mixtures": mixtures,
        "models": [
            {
                "model": score.name,
                "si_sdr": score.si_sdr,
                "si_sdri": score.si_sdri,
                "difference": score.si_sdr - scores[0].si_sdr,
                "real_time_factor": score.real_time_factor,
            }
            for score in scores
        ],
    }


def _table(scores: Sequence[ModelScore]) -> Iterator[str]:
    rows = [HEADER]
    for score in scores:
        difference = score.si_sdr - scores[0].si_sdr
        rows.append((
            score.name, f"{score.si_sdr:.2f}", f"{score.si_sdri:+.2f}", f"{difference:+.2f}",
            f"{score.real_time_factor:.3f}",
        ))
    return aligned(rows, numbers_from=1)
