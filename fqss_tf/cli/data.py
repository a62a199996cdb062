"""fqss-tf data: check, make and describe data sets, and time the reading of them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TypeVar

import click

from fqss_tf.cli.options import FiniteRange
from fqss_tf.cli.progress import progress_bar
from fqss_tf.cli.standard_streams import show
from fqss_tf.errors import FqssError
from fqss_tf.text_table import aligned

if TYPE_CHECKING:
    from fqss_tf.types import Json

PARTS = ("train", "dev", "test")
Number = TypeVar("Number", int, float)


@click.group("data")
def command() -> None:
    """Check, make and describe data sets, and time the reading of them.

    DIR is a data set: folders of speakers, folders of voice and background, LibriMix, MUSDB18-HQ
    or folders of aligned stems. Or 'bundled', the audio that ships. Which kind a folder is,
    fqss-tf sees by itself.
    """


@command.command()
@click.argument("folder", metavar="DIR")
@click.option("--headers", is_flag=True,
              help="Read only the headers of the files, which is fast, not the samples.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of text.")
@click.pass_context
def check(context: click.Context, folder: str, headers: bool, as_json: bool) -> None:
    """Read every file of DIR and print one line for each problem.

    The exit code is 0 without problems, 1 with problems, and 2 if DIR is no data set.
    """
    from fqss_tf.data.check import check_data_set

    with progress_bar("samples") as progress:
        report = check_data_set(folder, decode=not headers, progress=progress)
    if as_json:
        show(json.dumps(vars(report), indent=2))
    else:
        show(f"{report.kind}, {report.files} files")
        for row in report.parts:
            numbers = ", ".join(
                f"{row[key]} {key}" for key in ("mixtures", "speakers", "clips") if row[key]
            )
            show(f"{row['place']} {row['part']}: {numbers or 'nothing'}")
        for line in report.problems:
            show(f"wrong: {line}")
        show(f"{len(report.problems)} problems" if report.problems else "nothing is wrong")
    if report.problems:
        context.exit(1)


@command.command()
@click.argument("folders", metavar="SPEAKER_FOLDERS...", nargs=-1, required=True)
@click.option("--output", required=True, type=click.Path(path_type=Path, file_okay=False),
              help="Folder for the new data set.")
@click.option("--sources", default=2, show_default=True, type=click.IntRange(1, 9),
              help="Speakers in a mixture; 1 makes only mix_single, one speaker in the noise of "
              "--noise.")
@click.option("--rate", default="8000", show_default=True, type=click.Choice(["8000", "16000"]),
              help="Sample rate of the new set in Hz; other files are resampled.")
@click.option("--mode", default="min", show_default=True, type=click.Choice(["min", "max"]),
              help="min: mixtures as long as their shortest source; max: as long as the longest.")
@click.option("--mixtures", "counts", default="0,0,0", show_default=True, metavar="N,N,N",
              help="How many mixtures for train, dev and test; 0 takes each utterance once.")
@click.option("--split", default="0.8,0.1,0.1", show_default=True, metavar="X,X,X",
              help="Share of the speakers for train, dev and test, if the folders have no such "
              "parts.")
@click.option("--noise", multiple=True, metavar="DIR",
              help="Folder of noise, to make the noisy mixtures (mix_both, mix_single), too; "
              "may be repeated.")
@click.option("--least-seconds", default=3.0, show_default=True, type=FiniteRange(0.4),
              help="Join clips of a speaker until they are at least this long.")
@click.option("--most-seconds", default=20.0, show_default=True, type=FiniteRange(0.4),
              help="Cut clips that are longer.")
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True,
              help="Another seed draws another set.")
@click.option("--on-bad-file", default="stop", show_default=True,
              type=click.Choice(["stop", "skip"]),
              help="What to do with a file that cannot be read.")
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
def mix(
    folders: tuple[str, ...],
    output: Path,
    sources: int,
    rate: Literal["8000", "16000"],
    mode: Literal["min", "max"],
    counts: str,
    split: str,
    noise: tuple[str, ...],
    least_seconds: float,
    most_seconds: float,
    seed: int,
    on_bad_file: Literal["stop", "skip"],
    as_json: bool,
) -> None:
    """Make a data set of fixed mixtures, like LibriMix, from clean speech.

    Each of SPEAKER_FOLDERS holds the folders train, dev and test with a folder for each speaker; or
    just a folder for each speaker; or files named <speaker>-<rest>, as in LibriSpeech. No speaker
    is in two parts. The loudness of each source is drawn from -33 to -25 LUFS, as in LibriMix.
    """
    from fqss_tf.data.bad_files import BadFilePolicy
    from fqss_tf.data.make_librimix import MixOptions, make_librimix

    if most_seconds < least_seconds:
        raise click.UsageError("--most-seconds is below --least-seconds")
    options = MixOptions(
        sources=sources, rate=int(rate), mode=mode, seed=seed,
        split=_three("--split", split, float), counts=_three("--mixtures", counts, int),
        least_seconds=least_seconds, most_seconds=most_seconds,
    )
    heard = BadFilePolicy(on_bad_file)
    with progress_bar("mixing") as progress:
        made = make_librimix(
            folders, output, options, noise=noise, bad_files=heard, progress=progress
        )
    if as_json:
        parts = {
            part: {"mixtures": count, "hours": seconds / 3600, "speakers": speakers}
            for part, (count, seconds, speakers) in made.items()
        }
        show(json.dumps({"output": str(output), "parts": parts, "skipped": heard.lines},
                              indent=2))
        return
    for part, (count, seconds, speakers) in made.items():
        show(f"{part}: {count} mixtures, {seconds / 3600:.2f} h, {speakers} speakers")
    if heard.lines:
        show(f"{len(heard)} broken files were left out")
    show(f"finished: {output}")


@command.command("mix-sources")
@click.argument("folders", metavar="NAME=DIR...", nargs=-1, required=True)
@click.option("--output", required=True, type=click.Path(path_type=Path, file_okay=False),
              help="Folder for mixtures.csv and the audio, such as SET/test.")
@click.option("--mixtures", default=100, show_default=True, type=click.IntRange(1),
              help="How many mixtures to make.")
@click.option("--seconds", default=5.0, show_default=True, type=FiniteRange(0.1),
              help="Length of each mixture, in seconds.")
@click.option("--snr", default=(-5.0, 15.0), show_default=True, type=(float, float),
              metavar="LOW HIGH", help="Level of the first source over each of the others, in dB; "
              "drawn from this range.")
@click.option("--rate", default=16000, show_default=True, type=click.IntRange(1000),
              help="Sample rate of the mixtures in Hz; other files are resampled.")
@click.option("--layers", default=3, show_default=True, type=click.IntRange(1),
              help="All sources but the first consist of up to this many sounds at once.")
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True,
              help="Another seed draws other mixtures.")
@click.option("--on-bad-file", default="stop", show_default=True,
              type=click.Choice(["stop", "skip"]),
              help="What to do with a file that cannot be read.")
def mix_sources(
    folders: tuple[str, ...],
    output: Path,
    mixtures: int,
    seconds: float,
    snr: tuple[float, float],
    rate: int,
    layers: int,
    seed: int,
    on_bad_file: Literal["stop", "skip"],
) -> None:
    """Make fixed mixtures of named sources, such as voice and background, to score on.

    Each NAME=DIR is a source and the folder of its audio, such as voice=SET/test/voice
    background=SET/test/background. The first source is usually the voice. The clips in one folder
    of DIR belong together, and short ones are joined. Levels are RMS levels.
    """
    from fqss_tf.data.bad_files import BadFilePolicy
    from fqss_tf.data.make_sources import SourceMixOptions, make_source_mixtures

    named = {}
    for text in folders:
        name, _, folder = text.partition("=")
        if not name or not folder or "/" in name or name in named:
            raise click.UsageError(f"{text}: write NAME=DIR, each name once")
        named[name] = folder
    if len(named) < 2:
        raise click.UsageError("give two sources or more")
    if snr[0] > snr[1]:
        raise click.UsageError("--snr: LOW is above HIGH")
    heard = BadFilePolicy(on_bad_file)
    options = SourceMixOptions(mixtures, seconds, snr, rate, layers, seed)
    with progress_bar("mixing") as progress:
        made = make_source_mixtures(named, output, options, bad_files=heard, progress=progress)
    if heard.lines:
        show(f"{len(heard)} broken files were left out")
    show(f"finished: {output}, {len(made)} mixtures")


@command.command()
@click.argument("folder", metavar="DIR")
@click.option("--files", default=500, show_default=True, type=click.IntRange(min=0),
              help="Measure levels on this many mixtures or clips of each part; 0 takes all.")
@click.option("--plots", metavar="DIR", type=click.Path(path_type=Path, file_okay=False),
              help="Write a figure for each data set in DIR to this folder.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of a table.")
def stats(folder: str, files: int, plots: Path | None, as_json: bool) -> None:
    """Print hours, speakers, lengths and levels of DIR.

    Each level is given by three numbers: 5 % are below the first, half are below the second, 95 %
    are below the third. Sources are in LUFS, level differences in dB.
    """
    from fqss_tf.data.statistics import data_set_statistics, summary

    with progress_bar("levels") as progress:
        entries = data_set_statistics(folder, files=files, progress=progress)
    if plots is not None:
        _draw(plots, entries)
    if as_json:
        show(json.dumps([summary(entry) for entry in entries], indent=2))
    else:
        show("\n".join(_table([summary(entry) for entry in entries])))


@command.command()
@click.argument("recipe")
@click.option("--set", "settings", multiple=True, metavar="KEY=VALUE",
              help="Change a recipe key, such as data.speed_perturbation=true; may be repeated.")
@click.option("--seconds", default=10.0, show_default=True, type=FiniteRange(0.1),
              help="How long to measure, in seconds.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of text.")
def throughput(recipe: str, settings: tuple[str, ...], seconds: float, as_json: bool) -> None:
    """Measure how fast the training mixtures of RECIPE are read, relative to real time."""
    from fqss_tf.config import load_recipe

    resolved = load_recipe(recipe, settings)
    from fqss_tf.benchmark.throughput import measure_throughput

    with progress_bar("reading") as progress:
        found = measure_throughput(resolved, seconds, progress)
    if as_json:
        show(json.dumps(vars(found) | {
            "times_real_time": found.times_real_time,
            "cpu_seconds_per_audio_second": found.cpu_seconds_per_audio_second,
        }, indent=2))
        return
    show(
        f"{found.times_real_time:.0f} times real time, "
        f"{1000 * found.cpu_seconds_per_audio_second:.2f} ms of CPU time per second of mixture\n"
        f"before that: {found.scan_seconds:.1f} s for headers, "
        f"{found.first_batch_seconds:.1f} s until the first batch"
    )


def _three(option: str, text: str, kind: type[Number]) -> tuple[Number, Number, Number]:
    try:
        values = tuple(kind(value) for value in text.split(","))
    except ValueError:
        values = ()
    if len(values) != len(PARTS) or min(values) < 0 or (kind is float and not sum(values)):
        raise click.UsageError(f"{option} {text}: give three numbers, for {', '.join(PARTS)}")
    train, dev, test = values
    return train, dev, test


def _table(rows: Iterable[Json]) -> Iterator[str]:
    header = ("set", "part", "mixtures", "h", "speakers", "clips", "h", "Hz", "length (s)",
              "loudness (LUFS)", "difference (dB)", "noise (dB SNR)")
    lines: list[tuple[str, ...]] = [header]
    for row in rows:
        lines.append((
            row["place"], row["part"], _count(row["mixtures"]),
            _hours(row["mixture_hours"]), _count(row["speakers"]), _count(row["clips"]),
            _hours(row["clip_hours"]), " ".join(map(str, row["rates"])),
            *(_range(row[key])
              for key in ("seconds", "loudness", "level_differences", "noise_snr")),
        ))
    return aligned(lines)


def _count(number: int) -> str:
    return str(number) if number else ""


def _hours(hours: float) -> str:
    return f"{hours:.2f}" if hours else ""


def _range(values: Iterable[float] | None) -> str:
    return "" if values is None else " / ".join(f"{value:.1f}" for value in values)


def _draw(folder: Path, entries: Sequence[Json]) -> None:
    from fqss_tf.files import atomic_path
    from fqss_tf.report import plots

    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise FqssError(f"cannot make {folder}: {error.strerror or error}") from error
    for number, place in enumerate(dict.fromkeys(entry["place"] for entry in entries), 1):
        with atomic_path(folder / f"data_{number}.png") as temporary:
            plots.data_set([e for e in entries if e["place"] == place], place, temporary)
