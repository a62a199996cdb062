"""A progress bar for whoever calls ``progress(done, total)``."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from fqss_tf.types import OnProgress


@contextlib.contextmanager
def progress_bar(label: str) -> Iterator[OnProgress | None]:
    """Yields such a function, or None when nobody watches: stderr is no terminal."""
    if not sys.stderr.isatty():
        yield None
        return
    bar: Any  # click's types want whole numbers, its arithmetic takes shares as well
    with click.progressbar(length=1, label=label, file=sys.stderr) as bar:

        def progress(done: float, total: float) -> None:
            bar.length = total
            bar.update(done - bar.pos)

        yield progress
