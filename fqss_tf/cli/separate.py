"""fqss-tf separate: audio files in, one file per source out; or one raw stream through."""

from __future__ import annotations

import contextlib
import functools
import json
import sys
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Literal, TypeVar

import click

from fqss_tf.cli.progress import progress_bar
from fqss_tf.cli.standard_streams import say, show
from fqss_tf.errors import FqssError

if TYPE_CHECKING:
    from fqss_tf.runtime import Separator, StreamingSeparator
    from fqss_tf.types import Json, OnProgress

Result = TypeVar("Result")
GAINS = ("utterance", "running")


@click.command()
@click.argument("paths", metavar="[MODEL] [FILE...]", nargs=-1, type=click.Path(path_type=Path))
@click.option("--output", metavar="DIR", type=click.Path(path_type=Path),
              help="Folder for the results.  [default: separated]")
@click.option("--format", "file_format", default="wav", show_default=True,
              help="Format of the results: wav, flac, ogg, opus, mp3 or another that libsndfile "
              "writes.")
@click.option("--subtype",
              help="Sample type of the results, such as PCM_24 or FLOAT; default: PCM_16 if the "
              "format has it.")
@click.option("--gain", metavar="utterance|running|DB",
              help="What to bring to full scale before the network: the loudest sample of the "
              "whole file (utterance, the default), or of each segment or the last seconds "
              "(running, the default of streams). Or a fixed gain in decibels, for streaming "
              "models.")
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
@click.option("--rate", default=8000, show_default=True, type=int,
              help="Sample rate of --stream or --microphone, in Hz.")
@click.option("--json", "as_json", is_flag=True, help="Print what was written as JSON.")
def command(
    paths: tuple[Path, ...],
    output: Path | None,
    file_format: str,
    subtype: str | None,
    gain: str | None,
    keep_going: bool,
    jobs: int,
    threads: int,
    stream: BinaryIO | None,
    microphone: bool,
    rate: int,
    as_json: bool,
) -> None:
    """Separate each audio FILE, and write each voice to a file of its own.

    "fqss-tf separate talk.wav" writes separated/talk_speech_1.wav and separated/talk_speech_2.wav.
    They have the sample rate and the length of talk.wav, one channel and 16 bits. Results of an
    earlier run are replaced. A file can be of any length; memory does not grow with it.

    Stereo becomes mono: the channels are averaged. A silent channel is left out, and one that is
    the opposite of the other is turned over first.

    FILE can also be - (stdin) or a named pipe. Formats that libsndfile does not read, such as m4a
    and video, are read through ffmpeg if it is installed.

    MODEL is a .tflite file, or the name of one that ships: fqss_int8 or fqss_stream_int8. If you
    leave it out, one that ships is taken. Both separate two voices at 8 kHz.

    With "--stream -", raw samples are read from stdin and written to stdout: signed, 16 bits,
    little-endian. One channel goes in; each voice comes out as a channel, interleaved. With a
    streaming model (fqss-tf convert --stream) sound comes out some milliseconds later, else one
    segment later.
    """
    is_stream = stream is not None or microphone
    from fqss_tf.runtime.shipped import DEFAULT, DEFAULT_STREAMING

    model, files = _model_and_files(paths, DEFAULT_STREAMING if is_stream else DEFAULT)
    if is_stream:
        if stream is not None and microphone:
            raise click.UsageError("--stream and --microphone are two sources: give one")
        if files or output:
            option = "--microphone" if microphone else "--stream"
            raise click.UsageError(f"{option} takes no FILE and no --output")
        _separate_stream(model, threads, gain, rate, stream)
        return
    from fqss_tf.audio import Reader
    from fqss_tf.audio.inputs import kept_copies
    from fqss_tf.runtime import Separator

    gain = gain or "utterance"
    if gain not in GAINS:
        raise click.UsageError(f"--gain {gain} is none of {', '.join(GAINS)}, which files take")
    if not files:
        raise click.UsageError("give at least one FILE, or --stream -")
    output = output or Path("separated")
    with contextlib.ExitStack() as stack:
        stack.enter_context(kept_copies(files))
        for path in files:
            with Reader(path, keep_going):
                pass  # what the header gives away is found before the model is loaded
        separator = stack.enter_context(Separator(model, threads, keep_going))
        targets = _targets(files, output, separator.metadata.sources, file_format)
        # Every input is known to be good before anything is written.
        loudest = _for_each(files, jobs, "reading", functools.partial(_measured, separator))

        def separate(path: Path, progress: OnProgress) -> Json:
            return separator.separate_file(
                path, targets[path], gain, loudest[path], progress, file_format, subtype
            )

        with _folder(output):
            label = files[0].name if len(files) == 1 else f"{len(files)} files"
            reports = _for_each(files, jobs, label, separate)
    _show([reports[path] for path in files], as_json)


def _measured(separator: Separator, path: Path, progress: OnProgress) -> float:
    from fqss_tf.audio.reader import DamagedError

    try:
        return separator.measure(path, progress)
    except DamagedError as error:
        raise FqssError(f"{error}, or separate what is there with --keep-going") from error


def _model_and_files(paths: tuple[Path, ...], default: str) -> tuple[Path, tuple[Path, ...]]:
    """The first path is a model if it is called one, or is a folder, which no audio file is."""
    from fqss_tf.runtime.shipped import list_models, model_path

    if paths and (paths[0].suffix == ".tflite" or paths[0].is_dir()):
        return paths[0], paths[1:]
    if paths and str(paths[0]) in list_models() and not paths[0].exists():
        return model_path(paths[0]), paths[1:]
    return model_path(default), paths


def _separate_stream(
    model: Path, threads: int, gain: str | None, rate: int, source: BinaryIO | None
) -> None:
    """From ``source``, a binary file, or the microphone if None, to stdout."""
    from fqss_tf.runtime.microphone import Microphone
    from fqss_tf.runtime.raw_stream import separate_stream

    with contextlib.ExitStack() as stack:
        separator = _for_stream(model, threads, gain)
        stack.callback(separator.close)
        sound = stack.enter_context(Microphone(rate)) if source is None else source
        separate_stream(separator, sound, sys.stdout.buffer, rate)
        if overflows := getattr(sound, "overflows", 0):
            say(f"the microphone lost samples {overflows} times")


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


def _for_each(
    files: Sequence[Path], jobs: int, label: str, work: Callable[[Path, OnProgress], Result]
) -> dict[Path, Result]:
    """Dict of path -> ``work(path, progress)``, some at a time; the first failure ends them all."""
    from concurrent.futures import ThreadPoolExecutor

    stopped = threading.Event()
    with progress_bar(label) as show, ThreadPoolExecutor(jobs) as pool:
        progress = _Together(files, show, stopped)
        waiting = {path: pool.submit(work, path, progress.of(path)) for path in files}
        try:
            return {path: future.result() for path, future in waiting.items()}
        except BaseException:
            stopped.set()
            pool.shutdown(cancel_futures=True)
            raise


class _Stopped(Exception):
    """Ends a job whose result nobody waits for any more."""


class _Together:
    """The progress of several files as one."""

    def __init__(
        self, files: Iterable[Path], show: OnProgress | None, stopped: threading.Event
    ) -> None:
        self._shares = dict.fromkeys(files, 0.0)
        self._show, self._stopped = show, stopped
        self._lock = threading.Lock()

    def of(self, path: Path) -> OnProgress:
        def progress(done: float, total: float) -> None:
            if self._stopped.is_set():
                raise _Stopped
            with self._lock:
                self._shares[path] = done / total
                if self._show is not None:
                    self._show(sum(self._shares.values()), len(self._shares))

        return progress


def _targets(
    files: Sequence[Path], output: Path, sources: Sequence[str], file_format: str
) -> dict[Path, dict[str, Path]]:
    """For each input the path of each source; refuses names that meet."""
    taken = {path.resolve(): f"the input {path}" for path in files}
    targets: dict[Path, dict[str, Path]] = {}
    for path in files:
        stem = "stdin" if str(path) == "-" else path.stem
        targets[path] = {
            name: output / f"{stem}_{name}.{file_format.lower()}" for name in sources
        }
        for target in targets[path].values():
            if target.resolve() in taken:
                raise FqssError(
                    f"a result of {path} would replace {taken[target.resolve()]}: "
                    "rename a file or give another --output"
                )
            taken[target.resolve()] = f"a result of {path}"
    return targets


@contextlib.contextmanager
def _folder(output: Path) -> Iterator[None]:
    """Makes the folder and takes it away again when a failure leaves it empty."""
    is_new = not output.exists()
    try:
        output.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise FqssError(f"cannot make the folder {output}: {error.strerror or error}") from error
    try:
        yield
    except BaseException:
        if is_new:
            with contextlib.suppress(OSError):
                output.rmdir()
        raise


def _show(reports: Sequence[Json], as_json: bool) -> None:
    if as_json:
        show(json.dumps(reports, indent=2))
        return
    for report in reports:
        for name, target in report["outputs"].items():
            clipped = report["clipped"][name]
            show(f"{target} ({clipped} samples clipped)" if clipped else target)
