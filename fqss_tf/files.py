"""Writing files and folders so that a failure leaves nothing behind."""

import contextlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from fqss_tf.errors import FqssError

if TYPE_CHECKING:
    from fqss_tf.types import PathLike


@contextlib.contextmanager
def atomic_path(path: "PathLike") -> Iterator[Path]:
    """Yields a temporary path beside ``path`` and renames it to ``path`` when the block succeeds.

    The temporary name keeps the suffix, because audio and model writers choose a format by it.
    When the block fails the temporary file is removed and ``path`` is as it was.

    Raises:
        FqssError: the operating system refused to write (full disk, no permission, no folder).
    """
    path = Path(path)
    temporary: Path | None = None
    try:
        handle, name = tempfile.mkstemp(
            prefix=f".{path.stem}.", suffix=path.suffix, dir=path.parent or "."
        )
        os.close(handle)
        temporary = Path(name)
        yield temporary
        os.chmod(temporary, 0o666 & ~_umask())
        os.replace(temporary, path)
    except OSError as error:
        raise FqssError(f"cannot write {path}: {error.strerror or error}") from error
    finally:
        if temporary is not None:
            temporary.unlink(missing_ok=True)


def remove_leftovers(path: "PathLike") -> None:
    """Removes the temporary files that killed programs have left beside ``path``."""
    path = Path(path)
    for leftover in path.parent.glob(f".{path.stem}.*{path.suffix}"):
        leftover.unlink(missing_ok=True)


@contextlib.contextmanager
def atomic_folder(path: "PathLike") -> Iterator[Path]:
    """Yields a temporary folder beside ``path`` and renames it when the block succeeds.

    ``path`` must not exist or be an empty folder. When the block fails nothing is left.

    Raises:
        FqssError: ``path`` is in use, or the operating system refused to write.
    """
    path = Path(path).absolute()
    if path.exists() and (not path.is_dir() or any(path.iterdir())):
        raise FqssError(f"{path} exists and is not empty: choose another folder")
    temporary: Path | None = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = Path(tempfile.mkdtemp(prefix=f".{path.name}.", dir=path.parent))
        yield temporary
        os.chmod(temporary, 0o777 & ~_umask())
        os.replace(temporary, path)
    except OSError as error:
        raise FqssError(f"cannot write {path}: {error.strerror or error}") from error
    finally:
        if temporary is not None:
            shutil.rmtree(temporary, ignore_errors=True)


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
