"""Stopping a program between two steps."""

import logging
import signal
import threading
from types import FrameType
from typing import NoReturn

logger = logging.getLogger(__name__)

# Ctrl-C, a polite kill, and a terminal that is closed; not every system has all of them.
NAMES = ("SIGINT", "SIGTERM", "SIGHUP")


class Interrupt:
    """Within it, the first such signal sets ``happened`` instead of ending the program.

    The second one ends it at once.

    Args:
        reaction: what happens next, for people, who read it at once.
    """

    def __init__(self, reaction: str) -> None:
        self._reaction = reaction
        self._number = 0

    @property
    def happened(self) -> bool:
        """Whether there was a signal."""
        return self._number != 0

    def __enter__(self) -> "Interrupt":
        # Only the main thread may ask for signals, and only there they arrive.
        is_main = threading.current_thread() is threading.main_thread()
        names = NAMES if is_main else ()
        numbers = [getattr(signal, name) for name in names if hasattr(signal, name)]
        self._previous = {
            number: signal.signal(number, self._note)
            for number in numbers if signal.getsignal(number) is not signal.SIG_IGN
        }
        return self

    def _note(self, number: int, frame: FrameType | None) -> None:
        if self.happened:
            self.end()
        self._number = number
        logger.warning("%s; a second time ends at once", self._reaction)

    def end(self) -> NoReturn:
        """Ends the program as the signal would have without this."""
        previous = self._previous[self._number]
        if callable(previous):
            previous(self._number, None)
        raise KeyboardInterrupt

    def __exit__(self, *_: object) -> None:
        for number, handler in self._previous.items():
            signal.signal(number, handler)
