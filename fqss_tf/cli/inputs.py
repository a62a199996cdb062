"""Which of the paths that people name is the model, and which are recordings."""

from __future__ import annotations

import difflib
import os
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import click

from fqss_tf.audio.inputs import STDIN
from fqss_tf.errors import FqssError
from fqss_tf.tflite.shipped import list_models, model_path

# What is taken of a folder. A file that is named itself may be called anything.
AUDIO_SUFFIXES = frozenset((
    ".aac", ".aif", ".aifc", ".aiff", ".amr", ".ape", ".au", ".avi", ".caf", ".flac", ".m4a",
    ".m4b", ".mka", ".mkv", ".mov", ".mp2", ".mp3", ".mp4", ".oga", ".ogg", ".opus", ".rf64",
    ".snd", ".w64", ".wav", ".wave", ".webm", ".wma", ".wv",
))
TFLITE_MARK = slice(4, 8), b"TFL3"


class Recording(NamedTuple):
    """An input, and the name of its results: below the output folder, without source and suffix."""

    path: Path
    name: Path


def model_and_files(
    option: str | None, paths: Sequence[Path], default: str
) -> tuple[Path, Sequence[Path]]:
    """Returns the model and the other paths.

    Args:
        option: what --model says, if it is given: a path, or the name of a model that ships.
        paths: those without an option; without --model the first one may be the model, too.
        default: name of the model that is taken if none is given.

    Raises:
        FqssError: a name that no model has. click.UsageError: two models.
    """
    is_named = bool(paths) and _is_model(paths[0])
    if option is not None:
        if is_named:
            raise click.UsageError(f"--model {option} and {paths[0]} are two models: give one")
        return model_path(option), paths
    if is_named:
        return model_path(paths[0]), paths[1:]
    if paths and not paths[0].exists():
        if near := difflib.get_close_matches(str(paths[0]), list_models(), n=1):
            raise FqssError(
                f"{paths[0]} is neither a file nor a model: did you mean the model {near[0]}?"
            )
    return model_path(default), paths


def _is_model(path: Path) -> bool:
    """Tells a model by its name or by its first bytes, and a run folder, which is to become one."""
    if path.suffix.lower() == ".tflite":
        return True
    if path.is_dir():
        return (path / "recipe.yaml").is_file()
    if not path.exists():
        return str(path) in list_models()
    if not path.is_file():
        return False
    try:
        with path.open("rb") as file:
            place, mark = TFLITE_MARK
            return file.read(place.stop)[place] == mark
    except OSError:
        return False


def recordings(paths: Iterable[Path], output: Path) -> list[Recording]:
    """Lists the recordings: files as they are named, and of folders all audio files in them.

    A file that is named twice is separated once. The results of a folder keep its subfolders;
    results that would have the name of others get a number.

    Args:
        paths: files and folders.
        output: folder of the results, whose files are no recordings of a folder that it lies in.

    Raises:
        FqssError: a folder without audio files, or one that is the output folder, too.
    """
    found: dict[str, Recording] = {}
    taken: set[str] = set()
    for path, name in _named(paths, os.path.realpath(output)):
        place = os.path.realpath(path)
        if place in found:
            continue
        free, number = name, 1
        while str(free).casefold() in taken:
            number += 1
            free = name.with_name(f"{name.name}_{number}")
        taken.add(str(free).casefold())
        found[place] = Recording(path, free)
    return list(found.values())


def _named(paths: Iterable[Path], output: str) -> Iterator[tuple[Path, Path]]:
    """Pairs of a file and the name that its results would like to have."""
    for path in paths:
        if not path.is_dir():
            yield path, Path("stdin" if path == STDIN else path.stem)
            continue
        if os.path.realpath(path) == output:
            raise FqssError(
                f"{path} is the folder of the results, too: give another one with --output"
            )
        files = [
            file for file in sorted(path.rglob("*"))
            if file.suffix.lower() in AUDIO_SUFFIXES and not file.name.startswith(".")
            and file.is_file() and not os.path.realpath(file).startswith(os.path.join(output, ""))
        ]
        if not files:
            raise FqssError(f"{path} is a folder without audio files")
        yield from ((file, file.relative_to(path).with_suffix("")) for file in files)
