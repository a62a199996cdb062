"""Ends the program in good order when it is told to end."""

import contextlib
import signal
import threading
from collections.abc import Iterator
from types import FrameType

# A polite kill, and a terminal that is closed; not every system has both.
NAMES = ("SIGTERM", "SIGHUP")


class Ended(SystemExit):
    """The program was told to end by a signal, and leaves nothing half done behind.

    Its exit code is 128 and the number of the signal, as shells say it.
    """

    def __init__(self, number: int) -> None:
        super().__init__(128 + number)
        self.name = signal.Signals(number).name


@contextlib.contextmanager
def ended_in_order() -> Iterator[None]:
    """Within it, these signals raise ``Ended``, unless whoever started the program ignores them."""
    previous = {}
    if threading.current_thread() is threading.main_thread():
        for number in (getattr(signal, name, None) for name in NAMES):
            if number is not None and signal.getsignal(number) is signal.SIG_DFL:
                previous[number] = signal.signal(number, _end)
    try:
        yield
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)


def _end(number: int, frame: FrameType | None) -> None:
    # A second one ends the program at once, should cleaning up take too long.
    signal.signal(number, signal.SIG_DFL)
    raise Ended(number)
