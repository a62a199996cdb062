"""fqss-tf separate: audio files in, one file per source out; or one raw stream through."""

from __future__ import annotations

import contextlib
import functools
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Literal

import click

from fqss_tf.cli.standard_streams import say, show, writing_to_stdout
from fqss_tf.errors import FqssError

if TYPE_CHECKING:
    from fqss_tf.runtime import Separator, StreamingSeparator
    from fqss_tf.types import Json, OnProgress

GAINS = ("running", "utterance")
# What only files have, by name of the parameter.
OF_FILES = {
    "output": "--output", "file_format": "--format", "subtype": "--subtype", "jobs": "--jobs",
    "mono": "--mono", "two_stems": "--two-stems", "stems": "--stems", "residual": "--residual",
    "stop": "--stop", "keep_going": "--keep-going", "as_json": "--json",
}


@click.command()
@click.argument("paths", metavar="[MODEL] [FILE...]", nargs=-1, type=click.Path(path_type=Path))
@click.option("-m", "--model", metavar="NAME|PATH",
              help="The model, if it is not the first argument.")
@click.option("-o", "--output", metavar="DIR", type=click.Path(path_type=Path),
              help="Folder for the results.  [default: separated]")
@click.option("--format", "file_format", default="wav", show_default=True,
              help="Format of the results: wav, flac, ogg, opus, mp3 or another that libsndfile "
              "writes.")
@click.option("--subtype",
              help="Sample type of the results, such as PCM_24 or FLOAT; default: PCM_16 if the "
              "format has it.")
@click.option("--gain", metavar="running|utterance|DB",
              help="What to bring to full scale before the network: loud and quiet passages alike "
              "(running, the default), or the loudest sample of the whole file (utterance). Or a "
              "fixed gain in decibels, for streaming models.")
@click.option("--mono", is_flag=True,
              help="Write one channel for stereo, too: what the network finds in the average of "
              "the channels.")
@click.option("--two-stems", metavar="SOURCE",
              help="Write this source, and the sum of all others as no_SOURCE.")
@click.option("--stems", metavar="SOURCE,...",
              help="Write these sources alone.")
@click.option("--residual", is_flag=True,
              help="Also write the recording less all its sources, as residual: with it, they add "
              "up to the recording.")
@click.option("--stop", is_flag=True,
              help="Stop at the first file that cannot be separated, before anything is written if "
              "it cannot be read. Without it the others are separated, and what failed is listed "
              "at the end.")
@click.option("--keep-going", is_flag=True,
              help="Separate what is there of a file that is damaged or cut short, with a warning, "
              "instead of refusing it.")
@click.option("--jobs", default=1, show_default=True, type=click.IntRange(min=1),
              help="How many files to separate at the same time.")
@click.option("--threads", default=1, show_default=True, type=click.IntRange(min=1),
              help="CPU threads for each of them.")
@click.option("--stream", type=click.File("rb"), metavar="-",
              help="Read raw samples from stdin (-) or a named pipe, and write raw samples to "
              "stdout.")
@click.option("--microphone", is_flag=True,
              help="Like --stream, but from the default microphone, until Ctrl-C.")
@click.option("--rate", type=int,
              help="Sample rate of --stream or --microphone, in Hz.  [default: the model's]")
@click.option("--json", "as_json", is_flag=True, help="Print what was written as JSON.")
@click.pass_context
def command(
    context: click.Context,
    paths: tuple[Path, ...],
    model: str | None,
    output: Path | None,
    file_format: str,
    subtype: str | None,
    gain: str | None,
    mono: bool,
    two_stems: str | None,
    stems: str | None,
    residual: bool,
    stop: bool,
    keep_going: bool,
    jobs: int,
    threads: int,
    stream: BinaryIO | None,
    microphone: bool,
    rate: int | None,
    as_json: bool,
) -> None:
    """Separate each audio FILE, and write each source to a file of its own.

    "fqss-tf separate talk.wav" writes separated/talk_voice.wav and separated/talk_background.wav.
    With "--model two-voices" it separates two people who speak at the same time. Results have the
    sample rate, the length and the channels of talk.wav, and 16 bits. Those of an earlier run are
    replaced. A file can be of any length; memory does not grow with it.

    FILE can be a folder: all audio files in it are separated, and the results keep its subfolders.
    Results that would have the name of others get a number, as in talk_2_voice.wav.

    Of stereo, each voice is stereo: the network hears the average of the channels, and then each
    voice is taken out of each channel. With --mono the results have one channel. So have those of
    a FILE of more than 8 channels. A silent channel is left out of the average, and one that is the
    opposite of the other is inverted first.

    Of a song, "--two-stems vocals" writes song_vocals.wav and song_no_vocals.wav, "--stems
    drums,bass" writes song_drums.wav and song_bass.wav, and "--residual" writes what no stem has.
    They work with every model whose sources have names. With them, and with --json always, it
    prints how well the sources add up: how many decibels the missing part is quieter than the
    recording.

    FILE can also be - (stdin) or a named pipe. Formats that libsndfile does not read, such as m4a
    and video, are read through ffmpeg if it is installed.

    MODEL is a .tflite file, or the name of a model that ships; "fqss-tf models" lists them. Give it
    first, or with --model. If you leave it out, voice is taken, and voice-stream for a stream.

    With "--stream -", raw samples are read from stdin and written to stdout: signed, 16 bits,
    little-endian. One channel goes in; each voice comes out as a channel, interleaved. With a
    streaming model (fqss-tf convert --stream) sound comes out some milliseconds later, else one
    segment later.
    """
    is_stream = stream is not None or microphone
    from fqss_tf.cli.inputs import model_and_files
    from fqss_tf.tflite.shipped import DEFAULT, DEFAULT_STREAMING

    model_file, files = model_and_files(model, paths, DEFAULT_STREAMING if is_stream else DEFAULT)
    if is_stream:
        if stream is not None and microphone:
            raise click.UsageError("--stream and --microphone are two sources: give one")
        _check_options_of_stream("--microphone" if microphone else "--stream", context, files)
        _separate_stream(model_file, threads, gain, rate, stream)
        return
    if _is_given(context, "rate"):
        raise click.UsageError("--rate goes with --stream and --microphone: files say their own")
    gain = gain or "running"
    if gain not in GAINS:
        raise click.UsageError(f"--gain {gain} is none of {', '.join(GAINS)}, which files take")
    if not files:
        raise click.UsageError("give at least one FILE, or --stream -")
    from fqss_tf.audio import Reader
    from fqss_tf.audio.inputs import kept_copies
    from fqss_tf.cli.batch import Batch
    from fqss_tf.cli.inputs import recordings
    from fqss_tf.cli.targets import check_format, check_space, folders, targets_of
    from fqss_tf.files import check_place
    from fqss_tf.runtime import Separator
    from fqss_tf.runtime.spatial import channels_of
    from fqss_tf.runtime.stems import mixdown

    output = output or Path("separated")
    check_format(file_format, subtype)
    inputs = recordings(files, output)
    batch = Batch([path for path, _ in inputs], jobs, stop)
    samples = {}
    with contextlib.ExitStack() as stack:
        for path in batch.files:
            # What the header gives away is found before the model is loaded.
            with batch.trying(path):
                stack.enter_context(kept_copies([path]))
                with Reader(path, keep_going) as file:
                    channels = channels_of(file.channels, mono)
                    samples[path] = file.frames * channels
                    check_format(file_format, subtype, file.rate, channels)
        if not batch.files:
            batch.finish()
        separator = stack.enter_context(Separator(model_file, threads, keep_going, mono))
        only = stems.split(",") if stems is not None else ()
        made = mixdown(separator.metadata, two_stems, only, residual)
        targets = targets_of(inputs, output, list(made), file_format)
        folder_of = {path: target.parent for path in targets for target in targets[path].values()}
        stack.enter_context(folders(folder_of[path] for path in batch.files))
        for path in batch.files:
            with batch.trying(path):
                for target in targets[path].values():
                    check_place(target)
        if batch.files:
            total = sum(samples[path] * len(targets[path]) for path in batch.files)
            check_space(output, total, file_format, subtype)
        loudest = batch.run("reading", functools.partial(_measured, separator))

        def separate(path: Path, progress: OnProgress) -> Json:
            return separator.separate_file(
                path, targets[path], gain, loudest[path], progress, file_format, subtype, made
            )

        label = inputs[0].path.name if len(inputs) == 1 else f"{len(batch.files)} files"
        reports = batch.run(label, separate)
    _show([
        reports[path] if path in reports else {"input": str(path), "error": batch.failures[path]}
        for path, _ in inputs
    ], as_json, two_stems is not None or stems is not None or residual)
    batch.finish()


def _is_given(context: click.Context, parameter: str) -> bool:
    """Whether a user has given an option, and not its default."""
    return context.get_parameter_source(parameter) is click.core.ParameterSource.COMMANDLINE


def _measured(separator: Separator, path: Path, progress: OnProgress) -> float:
    from fqss_tf.audio.reader import DamagedError

    try:
        return separator.measure(path, progress)
    except DamagedError as error:
        raise FqssError(f"{error}, or separate what is there with --keep-going") from error


def _check_options_of_stream(option: str, context: click.Context, files: Sequence[Path]) -> None:
    """Refuses what a stream would not heed."""
    if files:
        raise click.UsageError(f"{option} takes no FILE: {files[0]}")
    for parameter, name in OF_FILES.items():
        if _is_given(context, parameter):
            raise click.UsageError(f"{option} takes no {name}, which is for files")


def _separate_stream(
    model: Path, threads: int, gain: str | None, rate: int | None, source: BinaryIO | None
) -> None:
    """From ``source``, a binary file, or the microphone if None, to stdout."""
    from fqss_tf.runtime.microphone import Microphone
    from fqss_tf.runtime.raw_stream import separate_stream

    with contextlib.ExitStack() as stack:
        separator = _for_stream(model, threads, gain)
        stack.callback(separator.close)
        rate = separator.metadata.sample_rate if rate is None else rate
        sound = stack.enter_context(Microphone(rate)) if source is None else source
        separate_stream(separator, sound, _Stdout(), rate)
        if overflows := getattr(sound, "overflows", 0):
            say(f"the microphone lost samples {overflows} times")


class _Stdout:
    """Where raw samples go."""

    def write(self, content: bytes) -> None:
        with writing_to_stdout():
            sys.stdout.buffer.write(content)

    def flush(self) -> None:
        with writing_to_stdout():
            sys.stdout.buffer.flush()


def _for_stream(model: Path, threads: int, gain: str | None) -> Separator | StreamingSeparator:
    """A separator of streams: in steps if the file is a streaming model, else in segments."""
    from fqss_tf.runtime import Separator, StreamingSeparator
    from fqss_tf.tflite import TfliteFile

    file = TfliteFile.open(model)
    if file.metadata.is_streaming:
        return StreamingSeparator(file, threads, _stream_gain(gain))
    if gain not in (None, "running"):
        raise click.UsageError(f"--gain {gain} of a stream goes with a streaming model")
    return Separator(file, threads)


def _stream_gain(text: str | None) -> float | Literal["running"]:
    if text is None or text == "running":
        return "running"
    try:
        return float(text)
    except ValueError:
        message = f"--gain {text} of a stream is neither running nor decibels"
        raise click.UsageError(message) from None


def _show(reports: Sequence[Json], as_json: bool, with_sum: bool) -> None:
    if as_json:
        show(json.dumps(reports, indent=2))
        return
    for report in reports:
        for name, target in report.get("outputs", {}).items():
            clipped = report["clipped"][name]
            show(f"{target} ({clipped} samples clipped)" if clipped else target)
        if with_sum and (decibels := report.get("sum_to_mixture_db")) is not None:
            lack = f"the part that no source has is {decibels:.1f} dB quieter than it"
            say(f"{report['input']}: {lack}")
