"""Progress bars and messages of the library, on stderr."""

from __future__ import annotations

import contextlib
import logging
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from fqss_tf.progress import Bar
    from fqss_tf.types import OnProgress


class _Echo(logging.Handler):
    def emit(self, record: logging.LogRecord) -> None:
        click.echo(record.getMessage(), err=True)


def show_messages_and_bars() -> None:
    """Shows what the library logs, and the progress of long work."""
    from fqss_tf.progress import watch_with

    watch_with(steps_bar)
    logger = logging.getLogger("fqss_tf")
    if not any(isinstance(handler, _Echo) for handler in logger.handlers):
        logger.addHandler(_Echo())
        logger.setLevel(logging.INFO)


def steps_bar(label: str, length: int) -> contextlib.AbstractContextManager[Bar]:
    """Makes a bar of this many steps; without a terminal only its label is written."""
    return click.progressbar(
        length=length, label=f"{label:8s}", item_show_func=lambda text: text, show_pos=True,
        file=sys.stderr,
    )


@contextlib.contextmanager
def progress_bar(label: str) -> Iterator[OnProgress | None]:
    """Yields ``progress(done, total)``, or None when nobody watches: stderr is no terminal."""
    if not sys.stderr.isatty():
        yield None
        return
    bar: Any  # click's types want whole numbers, its arithmetic takes shares as well
    with click.progressbar(length=1, label=label, file=sys.stderr) as bar:

        def progress(done: float, total: float) -> None:
            bar.length = total
            bar.update(done - bar.pos)

        yield progress
