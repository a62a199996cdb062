"""Writing files and folders so that a failure leaves nothing behind."""

import contextlib
import functools
import os
import secrets
import shutil
import threading
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from fqss_tf.errors import FqssError

if TYPE_CHECKING:
    from fqss_tf.types import PathLike

# Of all temporary files and folders, whatever they will be called: their names are short where the
# name to come is as long as the file system allows.
PREFIX = ".fqss-tf-"
LONGEST_SUFFIX = 32
# Younger ones may be between being made and being locked.
STALE_SECONDS = 10.0
# The mask can only be read by setting another one, which a second thread would take for it.
_reading_umask = threading.Lock()


def check_place(path: "PathLike") -> None:
    """Checks that a file can be written at ``path``, before much time is spent on it.

    Raises:
        FqssError: its folder is missing or closed, it is a folder, a device or a pipe, or its name
            is too long.
    """
    path = Path(path)
    with _named(path):
        with contextlib.suppress(FileNotFoundError):
            path.lstat()
        if path.is_dir():
            raise FqssError(f"cannot write {path}: a folder has this name")
        if path.exists() and not path.is_file():
            raise FqssError(f"cannot write {path}: it is a device or a pipe, not a file")
        if not path.absolute().parent.is_dir():
            raise FqssError(f"cannot write {path}: the folder {path.parent} does not exist")
        if not os.access(path.absolute().parent, os.W_OK):
            raise FqssError(f"cannot write {path}: no permission in {path.parent}")


@contextlib.contextmanager
def atomic_path(path: "PathLike") -> Iterator[Path]:
    """Yields a temporary path beside ``path`` and renames it to ``path`` when the block succeeds.

    The temporary name keeps the suffix, because audio and model writers choose a format by it.
    When the block fails the temporary file is removed and ``path`` is as it was.

    Raises:
        FqssError: the operating system refused to write (full disk, no permission, no folder).
    """
    with atomic_paths([path]) as (temporary,):
        yield temporary


@contextlib.contextmanager
def atomic_paths(paths: Iterable["PathLike"]) -> Iterator[list[Path]]:
    """Is ``atomic_path`` of several files that belong together: all of them are there, or none."""
    targets = [Path(path) for path in paths]
    with contextlib.ExitStack() as stack:
        temporaries = []
        for target in targets:
            with _named(target):
                temporaries.append(stack.enter_context(_temporary(target)))
                check_place(target)
        # What the operating system says in the block names no file: it is of one of these.
        with _named(targets[0]):
            yield temporaries
        for target in targets:
            with _named(target):
                check_place(target)
        placed: list[Path] = []
        try:
            for temporary, target in zip(temporaries, targets, strict=True):
                with _named(target):
                    os.chmod(temporary, 0o666 & ~_umask())
                    os.replace(temporary, target)
                placed.append(target)
        except BaseException:
            for target in placed:
                target.unlink(missing_ok=True)
            raise


def check_new_folder(path: "PathLike") -> None:
    """Checks that ``atomic_folder`` can make ``path``, before much time is spent on it.

    Raises:
        FqssError: ``path`` is in use.
    """
    path = Path(path)
    with _named(path):
        if path.exists() and (not path.is_dir() or any(path.iterdir())):
            raise FqssError(f"{path} exists and is not empty: choose another folder")


@contextlib.contextmanager
def atomic_folder(path: "PathLike") -> Iterator[Path]:
    """Yields a temporary folder beside ``path`` and renames it when the block succeeds.

    ``path`` must not exist or be an empty folder. When the block fails nothing is left.

    Raises:
        FqssError: ``path`` is in use, or the operating system refused to write.
    """
    with _named(path):
        path = Path(path).absolute()
        check_new_folder(path)
        path.parent.mkdir(parents=True, exist_ok=True)
        with _temporary(path, is_folder=True) as temporary:
            yield temporary
            os.chmod(temporary, 0o777 & ~_umask())
            os.replace(temporary, path)


@contextlib.contextmanager
def _named(path: "PathLike") -> Iterator[None]:
    """Turns what the operating system raises into an FqssError that names ``path``."""
    try:
        yield
    except OSError as error:
        raise FqssError(f"cannot write {path}: {error.strerror or error}") from error


@contextlib.contextmanager
def _temporary(path: Path, is_folder: bool = False) -> Iterator[Path]:
    """Makes a temporary file or folder beside ``path``, locked, and removes it in the end."""
    folder = path.parent
    _remove_stale(folder)
    suffix = path.suffix if len(os.fsencode(path.suffix)) <= LONGEST_SUFFIX else ""
    # A lock ends with its process, however that ends.
    temporary = folder / f"{PREFIX}{secrets.token_hex(8)}{suffix}"
    if is_folder:
        temporary.mkdir(mode=0o700)
    else:
        os.close(os.open(temporary, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    try:
        with locked(temporary):
            yield temporary
    finally:
        _remove(temporary)


@contextlib.contextmanager
def locked(path: Path) -> Iterator[bool | None]:
    """Holds the lock of a file or folder that exists.

    Yields:
        Whether this could be done at once; None where the system or the disk has no such locks.
    """
    try:
        import fcntl
    except ImportError:  # Windows
        yield None
        return
    handle = os.open(path, os.O_RDONLY)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
        except OSError:  # as on some disks of a network
            yield None
        else:
            yield True
    finally:
        os.close(handle)


@functools.cache
def _remove_stale(folder: Path) -> None:
    """Removes the temporary files that killed programs have left in a folder, once a program."""
    with contextlib.suppress(OSError):
        for leftover in folder.glob(f"{PREFIX}*"):
            with contextlib.suppress(OSError):
                if time.time() - leftover.stat().st_mtime < STALE_SECONDS:
                    continue
                with locked(leftover) as is_stale:
                    if is_stale:
                        _remove(leftover)


def _remove(path: Path) -> None:
    """Removes a file or folder that may be gone."""
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


def _umask() -> int:
    with _reading_umask:
        mask = os.umask(0)
        os.umask(mask)
    return mask
