"""Stopping a program between two steps."""

import signal


class Interrupt:
    """Within it, Ctrl-C or a polite kill sets ``happened`` instead of ending the program."""

    def __enter__(self):
        self.happened = False
        self.previous = {
            number: signal.signal(number, self._note) for number in (signal.SIGINT, signal.SIGTERM)
        }
        return self

    def _note(self, number, frame):
        self.happened = True

    def __exit__(self, *_):
        for number, handler in self.previous.items():
            signal.signal(number, handler)
