"""What the program says on stdout and stderr, wherever they lead."""

import contextlib
import os
import sys
from collections.abc import Iterator
from typing import Any

import click

from fqss_tf.errors import FqssError

FIRST_FREE_DESCRIPTOR = 3


def prepare() -> None:
    """Makes the streams able to take every file name, and keeps others' lines off stderr.

    Names of files are bytes that need not be UTF-8: they are written as they are. The lines that
    TensorFlow, LiteRT and decoders write are dropped, until ``show_libraries``.

    Raises:
        FqssError: stdout is closed, so that results would be lost.
    """
    if sys.stderr is sys.__stderr__:  # the program itself, not a caller of it in Python
        _open_closed_descriptors()
        _drop_lines_of_libraries()
    if sys.stdin is None:
        sys.stdin = open(os.devnull, encoding="utf-8")
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            is_utf_8 = stream.encoding.lower().replace("-", "") == "utf8"
            reconfigure(errors="surrogateescape" if is_utf_8 else "backslashreplace")
    if sys.stdout is None:
        raise FqssError("stdout is closed: send it to a file, or to /dev/null")


def say(text: str) -> None:
    """Writes a line to stderr; where that is not possible, nobody can be told so."""
    try:
        click.echo(text, err=True)
    except (OSError, ValueError):
        _give_up(sys.stderr)


def show(text: str) -> None:
    """Writes results to stdout.

    Raises:
        FqssError: it does not take them: a full disk, or a program that reads no further.
    """
    with writing_to_stdout():
        click.echo(text)


@contextlib.contextmanager
def writing_to_stdout() -> Iterator[None]:
    """Turns what the operating system raises within it into an FqssError that names stdout."""
    try:
        yield
    except OSError as error:
        _give_up(sys.stdout)
        raise FqssError(f"cannot write to stdout: {error.strerror or error}") from error


def show_libraries() -> None:
    """Lets TensorFlow, LiteRT and decoders write to stderr, too."""
    global _dropping
    if _dropping:
        os.dup2(sys.stderr.fileno(), 2)
        _dropping = False


_dropping = False


def _open_closed_descriptors() -> None:
    """Leads closed ones nowhere, or the next file that is opened would be stdout."""
    while (descriptor := os.open(os.devnull, os.O_RDWR)) < FIRST_FREE_DESCRIPTOR:
        pass
    os.close(descriptor)


def _drop_lines_of_libraries() -> None:
    """Moves stderr to another descriptor than 2, to which libraries in C write."""
    global _dropping
    if sys.stderr is None:
        sys.stderr = open(os.devnull, "w", encoding="utf-8")
        return
    sys.stderr.flush()
    sys.stderr = open(
        os.dup(sys.stderr.fileno()), "w", buffering=1, encoding=sys.stderr.encoding
    )
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    os.close(nowhere)
    _dropping = True


def _give_up(stream: Any) -> None:
    """Leads a stream nowhere, or what is left in it would fail once more when the program ends."""
    with contextlib.suppress(OSError, ValueError, AttributeError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, stream.fileno())
        os.close(nowhere)
