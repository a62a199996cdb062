"""The list of cases, and how they make recordings and separate them."""

import functools
import os
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import soundfile
from click.testing import CliRunner

from fqss_tf.cli.main import main as fqss_tf
from fqss_tf.errors import FqssError
from fqss_tf.evaluation import load_mixtures
from fqss_tf.runtime import Separator, StreamingSeparator

RATE, SECONDS = 8000, 12
CASES: dict[str, Callable[[Path], str]] = {}


def case(name):
    def register(function):
        CASES[name] = function
        return function

    return register


def bundled_mixtures():
    """Those of two voices at ``RATE``. Earlier versions have no others, and ask for no model."""
    try:
        return load_mixtures("bundled", models=["two-voices"])[0]
    except (TypeError, FqssError):
        return load_mixtures("bundled")[0]


@functools.cache
def speech():
    """12 s of two voices, float32 [samples]."""
    mixtures = [mixture for _, _, mixture, _ in bundled_mixtures()[:3]]
    return 0.7 * np.concatenate(mixtures)[: SECONDS * RATE]


def written(folder, name, waveform=None, subtype=None, file_format=None):
    path = folder / name
    waveform = speech() if waveform is None else waveform
    soundfile.write(path, waveform, RATE, subtype, format=file_format)
    return path


def by_ffmpeg(folder, name, *options):
    source = written(folder, "source.wav")
    path = folder / name
    subprocess.run(["ffmpeg", "-v", "error", "-i", source, *options, path], check=True)
    return path


def piped(folder, name, *options):
    """The same, written to a pipe: the header cannot be mended at the end."""
    source = written(folder, "source.wav")
    command = ["ffmpeg", "-v", "error", "-i", source, *options, "-"]
    path = folder / name
    path.write_bytes(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)
    return path


def joined(path):
    path.write_bytes(path.read_bytes() * 2)
    return path


def cut(path):
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])
    return path


def with_data_size(path, size):
    content = bytearray(path.read_bytes())
    place = content.index(b"data") + 4
    content[place : place + 4] = size.to_bytes(4, "little")
    path.write_bytes(content)
    return path


def separated(*arguments, stdin=None):
    """What ``fqss-tf separate`` says: seconds of the first result, lines on stderr, a traceback."""
    with tempfile.TemporaryDirectory() as output:
        result = CliRunner().invoke(
            fqss_tf, ["separate", *map(str, arguments), "--output", output], input=stdin
        )
        parts = []
        for path in sorted(Path(output).iterdir())[:1]:
            info = soundfile.info(os.fsencode(path))  # any name
            parts.append(f"{info.frames / info.samplerate:.2f} s")
    return ", ".join([f"exit {result.exit_code}", *parts, *said(result), *traceback_of(result)])


def said(result):
    """Lines on stderr, without the usage lines that stood before an error once."""
    lines = filter(None, result.stderr.splitlines())
    return [line for line in lines if not line.startswith(("Usage: ", "Try '"))]


def traceback_of(result):
    """What a command ended by, if not as it should."""
    error = result.exception
    return [] if error is None or isinstance(error, SystemExit) else [f"a traceback: {error!r}"]


def tried(function):
    try:
        return function()
    except FqssError as error:
        return str(error)


def two_voices():
    """The separator of two voices. Earlier versions have no other, and no name for it."""
    return _named(Separator, "two-voices")


def two_voices_stream():
    """The same for streams."""
    return _named(StreamingSeparator, "two-voices-stream")


def _named(separator, name):
    try:
        return separator(name)
    except FqssError:
        return separator()


def listed(folder, *arguments):
    """What ``fqss-tf separate`` says, and which files of the first source it wrote."""
    output = folder / "out"
    command = ["separate", *map(str, arguments), "--output", str(output)]
    result = CliRunner().invoke(fqss_tf, command)
    found = [*output.rglob("*_voice.*"), *output.rglob("*_speech_1.*")]
    files = sorted(str(path.relative_to(output)) for path in found)
    return ", ".join([f"exit {result.exit_code}", *files, *said(result), *traceback_of(result)])
