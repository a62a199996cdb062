"""Inputs that can be read only once (a pipe, stdin), as regular files."""

import contextlib
import shutil
import sys
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import BinaryIO

from fqss_tf.errors import FqssError

STDIN = Path("-")
_kept: dict[Path, Path] = {}


@contextlib.contextmanager
def regular_file(path: Path) -> Iterator[Path]:
    """Yields the path of a regular file with the same content; of a pipe, a copy for a while.

    Args:
        path: a file, a named pipe, a device such as /dev/stdin, or - for stdin.

    Raises:
        FqssError: there is none, it is a folder, or it cannot be copied.
    """
    if path in _kept:
        yield _kept[path]
        return
    if path.is_file():
        yield path
        return
    if path.is_dir() or path != STDIN and not path.exists():
        reason = "a folder" if path.is_dir() else "missing"
        raise FqssError(f"{path} is {reason}: give an audio file")
    with tempfile.NamedTemporaryFile(prefix="fqss-tf-") as copy:
        try:
            with _opened(path) as stream:
                shutil.copyfileobj(stream, copy)
            copy.flush()
        except OSError as error:
            raise FqssError(f"cannot read {path}: {error.strerror or error}") from error
        yield Path(copy.name)


@contextlib.contextmanager
def kept_copies(paths: Iterable[Path]) -> Iterator[None]:
    """Lets those of the paths that can be read only once be read many times, until its end.

    Raises:
        FqssError: as ``regular_file``.
    """
    with contextlib.ExitStack() as stack:
        for path in paths:
            if path not in _kept:
                regular = stack.enter_context(regular_file(path))
                if regular != path:
                    _kept[path] = regular
                    stack.callback(_kept.pop, path)
        yield


def _opened(path: Path) -> contextlib.AbstractContextManager[BinaryIO]:
    if path == STDIN:
        return contextlib.nullcontext(sys.stdin.buffer)
    return open(path, "rb")
