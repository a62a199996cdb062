"""Where results go, and whether they can, before an hour is spent on them."""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TypeAlias

import soundfile

from fqss_tf.audio import Writer
from fqss_tf.cli.inputs import Recording
from fqss_tf.errors import FqssError

# Of each input the file of each source.
Targets: TypeAlias = dict[Path, dict[str, Path]]

BYTES = {
    "PCM_S8": 1, "PCM_U8": 1, "ULAW": 1, "ALAW": 1, "PCM_16": 2, "PCM_24": 3, "PCM_32": 4,
    "FLOAT": 4, "DOUBLE": 8,
}
COMPRESSED = ("FLAC", "OGG", "MP3", "OPUS")
ANY_RATE = 8000


def targets_of(
    inputs: Sequence[Recording], output: Path, sources: Sequence[str], file_format: str
) -> Targets:
    """Names the file of each source of each input.

    Raises:
        FqssError: a result would replace an input, or that of another input.
    """
    taken = {os.path.realpath(path): path for path, _ in inputs}
    made_of: dict[str, Path] = {}
    targets: Targets = {}
    for path, name in inputs:
        targets[path] = {
            source: output / name.parent / f"{name.name}_{source}.{file_format.lower()}"
            for source in sources
        }
        for target in targets[path].values():
            place = os.path.realpath(target)
            if (replaced := taken.get(place)) is not None:
                raise FqssError(
                    f"a result of {path} would replace the input {replaced}: "
                    "rename a file or give another --output"
                )
            if (other := made_of.setdefault(place, path)) != path:
                raise FqssError(f"{other} and {path} would both become {target}: rename one")
    return targets


def check_format(
    file_format: str, subtype: str | None, rate: int = ANY_RATE, channels: int = 1
) -> None:
    """Encodes a moment of silence.

    Raises:
        FqssError: there is no such format, or it has no such sample type, rate (Hz) or number of
            channels.
    """
    try:
        with Writer(os.devnull, rate, channels, file_format, subtype):
            pass
    except FqssError as error:
        if channels == 1:
            raise
        check_format(file_format, subtype, rate)
        line = f"{error} ({channels} channels): give another --format, or --mono"
        raise FqssError(line) from error


def check_space(output: Path, samples: int, file_format: str, subtype: str | None) -> None:
    """Checks that a folder has room for so many samples, where their size is known before.

    Raises:
        FqssError: it has not.
    """
    name = file_format.upper()
    if name in COMPRESSED:
        return
    size = BYTES.get(subtype or soundfile.default_subtype(name) or "", 1)
    needed, free = samples * size, shutil.disk_usage(output).free
    if needed > free:
        raise FqssError(
            f"No space left in {output}: the results take {needed / 1e6:.1f} MB, "
            f"{free / 1e6:.1f} MB are free"
        )


@contextlib.contextmanager
def folders(paths: Iterable[Path]) -> Iterator[None]:
    """Makes folders that can be written to, and takes those away again that stay empty.

    Raises:
        FqssError: the operating system refuses to make one or to write there.
    """
    made: list[Path] = []
    try:
        for path in dict.fromkeys(paths):
            try:
                made += _make(path)
                with tempfile.TemporaryFile(dir=path):
                    pass
            except OSError as error:
                raise FqssError(
                    f"cannot make the folder {path}, or write there: {error.strerror or error}"
                ) from error
        yield
    finally:
        for path in reversed(made):
            with contextlib.suppress(OSError):
                path.rmdir()


def _make(path: Path) -> list[Path]:
    """Makes a folder and those above it; returns what was not there."""
    missing = []
    for place in (path, *path.parents):
        if place.is_dir():
            break
        missing.append(place)
    path.mkdir(parents=True, exist_ok=True)
    return missing[::-1]
