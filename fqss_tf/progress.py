"""Progress of long work, for whoever wants to watch.

The library draws nothing by itself. The command line installs its bars with ``watch_with``; another
program may install something else.
"""

import contextlib
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from typing import Protocol, TypeAlias


class Bar(Protocol):
    """What hears of each step."""

    def update(self, n_steps: int, current_item: str | None = None) -> None:
        """Hears that so many more steps are done, and a few words about the last one."""


Watch: TypeAlias = Callable[[str, int], AbstractContextManager[Bar]]


class _Nobody:
    def update(self, n_steps: int, current_item: str | None = None) -> None:
        pass


@contextlib.contextmanager
def unwatched(label: str, length: int) -> Iterator[Bar]:
    """Yields a bar that nobody sees."""
    yield _Nobody()


_watch: Watch = unwatched


def watch_with(watch: Watch) -> None:
    """Shows all further progress.

    Args:
        watch: function (label, number of steps) -> context manager that yields a ``Bar``.
    """
    global _watch
    _watch = watch


def bar(label: str, length: int, hidden: bool = False) -> AbstractContextManager[Bar]:
    """Makes a bar of ``length`` steps, by what ``watch_with`` installed."""
    return (unwatched if hidden else _watch)(label, length)
