"""The same work for many files: some at a time, and what fails does not stop the others."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from fqss_tf.cli.progress import progress_bar
from fqss_tf.cli.standard_streams import say
from fqss_tf.errors import FqssError

if TYPE_CHECKING:
    from fqss_tf.types import OnProgress

Result = TypeVar("Result")


class Batch:
    """The files that have not failed.

    Args:
        files: all of them.
        jobs: how many at the same time.
        stops: whether the first failure ends the work.

    Attributes: ``failures``, dict of file -> why it failed.
    """

    def __init__(self, files: Iterable[Path], jobs: int, stops: bool) -> None:
        self._files = list(files)
        self._jobs = jobs
        self._stops = stops or len(self._files) == 1
        self.failures: dict[Path, str] = {}

    @property
    def files(self) -> list[Path]:
        """Those that have not failed."""
        return [path for path in self._files if path not in self.failures]

    @contextlib.contextmanager
    def trying(self, path: Path) -> Iterator[None]:
        """Notes what users can mend as the failure of a file, or raises it if that ends the work.

        Raises:
            FqssError: what went wrong.
        """
        try:
            yield
        except FqssError as error:
            self._fail(path, str(error), error)
        except OSError as error:
            self._fail(path, f"{error.filename or path}: {error.strerror or error}", error)

    def _fail(self, path: Path, why: str, error: Exception) -> None:
        if self._stops:
            raise FqssError(why) from error
        self.failures[path] = " ".join(why.split())

    def run(self, label: str, work: Callable[[Path, OnProgress], Result]) -> dict[Path, Result]:
        """Does ``work(path, progress)`` for each file that has not failed.

        Returns:
            Dict of file -> result, of those that have not failed.
        """
        from concurrent.futures import ThreadPoolExecutor

        files, results = self.files, dict[Path, Result]()
        if not files:
            return results
        with progress_bar(label) as show, ThreadPoolExecutor(self._jobs) as pool:
            progress = _Together(files, show)
            waiting = {path: pool.submit(work, path, progress.of(path)) for path in files}
            try:
                for path, future in waiting.items():
                    with self.trying(path):
                        results[path] = future.result()
                    progress.of(path)(1, 1)
            except BaseException:
                progress.stop()
                pool.shutdown(cancel_futures=True)
                raise
        return results

    def finish(self) -> None:
        """Lists what failed.

        Raises:
            FqssError: something did.
        """
        if not self.failures:
            return
        for path in self._files:
            if path in self.failures:
                say(f"error: {self.failures[path]}")
        raise FqssError(f"{len(self.failures)} of {len(self._files)} files were not separated")


class _Stopped(Exception):
    """Ends a job whose result nobody waits for any more."""


class _Together:
    """The progress of several files as one."""

    def __init__(self, files: Iterable[Path], show: OnProgress) -> None:
        self._shares = dict.fromkeys(files, 0.0)
        self._show, self._stopped = show, threading.Event()
        self._lock = threading.Lock()

    def stop(self) -> None:
        self._stopped.set()

    def of(self, path: Path) -> OnProgress:
        def progress(done: float, total: float) -> None:
            if self._stopped.is_set():
                raise _Stopped
            with self._lock:
                self._shares[path] = done / total
                self._show(sum(self._shares.values()), len(self._shares))

        return progress
