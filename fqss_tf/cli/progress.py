"""Progress and messages of the library, on stderr: bars on a terminal, now and then a line else."""

from __future__ import annotations

import contextlib
import logging
import sys
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import click

from fqss_tf.cli.standard_streams import say

if TYPE_CHECKING:
    from fqss_tf.progress import Bar
    from fqss_tf.types import OnProgress

SECONDS_BETWEEN_LINES = 60.0
# A bar counts in whole numbers.
PARTS = 1000
CLEAR_LINE = "\r\x1b[K"


class _Echo(logging.Handler):
    def emit(self, record: logging.LogRecord) -> None:
        # A bar that stands there is drawn again below.
        say((CLEAR_LINE if sys.stderr.isatty() else "") + record.getMessage())


def show_messages_and_bars() -> None:
    """Shows what the library logs, and the progress of long work."""
    from fqss_tf.progress import watch_with

    watch_with(steps_bar)
    logger = logging.getLogger("fqss_tf")
    if not any(isinstance(handler, _Echo) for handler in logger.handlers):
        logger.addHandler(_Echo())
        logger.setLevel(logging.INFO)
        # Else the first line that TensorFlow logs would add a handler that repeats ours.
        logging.getLogger().addHandler(logging.NullHandler())


def steps_bar(label: str, length: int) -> contextlib.AbstractContextManager[Bar]:
    """Makes a bar of this many steps, with the time left."""
    if not sys.stderr.isatty():
        return contextlib.nullcontext(_Lines(label, length))
    return click.progressbar(
        length=length, label=f"{label:8s}", item_show_func=lambda text: text, show_pos=True,
        file=sys.stderr,
    )


@contextlib.contextmanager
def progress_bar(label: str) -> Iterator[OnProgress]:
    """Yields ``progress(done, total)``, which shows the share and the time left, and never less."""
    with contextlib.ExitStack() as stack:
        bar: Any = _Lines(label, PARTS)  # click's type is no Bar
        if sys.stderr.isatty():
            bar = stack.enter_context(
                click.progressbar(length=PARTS, label=label, file=sys.stderr)
            )
        shown = 0

        def progress(done: float, total: float) -> None:
            nonlocal shown
            parts = min(int(PARTS * done / total), PARTS) if total > 0 else 0
            if parts > shown:
                bar.update(parts - shown)
                shown = parts

        yield progress


class _Lines:
    """Progress in a log: a line each minute of how much is done, and what time is left."""

    def __init__(self, label: str, length: int) -> None:
        self._label, self._length = label, length
        self._done = 0
        self._first: int | None = None
        self._started = self._last = time.monotonic()

    def update(self, n_steps: int, current_item: str | None = None) -> None:
        """Hears of further steps; the first ones may have been done by an earlier program."""
        self._done += n_steps
        now = time.monotonic()
        if self._first is None:
            self._first, self._started = self._done, now
        if now - self._last < SECONDS_BETWEEN_LINES:
            return
        self._last = now
        words = [f"{100 * self._done // max(self._length, 1)} %"]
        if self._done > self._first:
            rate = (self._done - self._first) / (now - self._started)
            words.append(f"{_duration((self._length - self._done) / rate)} left")
        say(f"{self._label}: {', '.join([*words, *([current_item] if current_item else [])])}")


def _duration(seconds: float) -> str:
    """In words, as long as a person wants to know it."""
    minutes = round(seconds / 60)
    if minutes < 1:
        return "less than a minute"
    return f"{minutes} min" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"
