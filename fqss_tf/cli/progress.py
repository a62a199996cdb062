"""A progress bar for whoever calls ``progress(done, total)``."""

import contextlib
import sys

import click


@contextlib.contextmanager
def progress_bar(label: str) -> Iterator[OnProgress | None]:
    """Yields such a function, or None when nobody watches: stderr is no terminal."""
    if not sys.stderr.isatty():
        yield None
        return
    with click.progressbar(length=1, label=label, file=sys.stderr) as bar:

        def progress(done: float, total: float) -> None:
            bar.length = total
            bar.update(done - bar.pos)

        yield progress
