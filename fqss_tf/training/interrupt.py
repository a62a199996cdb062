"""Stopping a program between two steps."""

import signal
from types import FrameType


class Interrupt:
    """Within it, Ctrl-C or a polite kill sets ``happened`` instead of ending the program."""

    def __enter__(self) -> "Interrupt":
        self.happened = False
        self.previous = {
            number: signal.signal(number, self._note) for number in (signal.SIGINT, signal.SIGTERM)
        }
        return self

    def _note(self, number: int, frame: FrameType | None) -> None:
        self.happened = True

    def __exit__(self, *_: object) -> None:
        for number, handler in self.previous.items():
            signal.signal(number, handler)
