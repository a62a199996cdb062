"""A function in a fresh process, with messages to and fro.

What is timed or weighed must be alone: threads, memory and TensorFlow's settings are those of a
process, and when native code crashes only the child ends.
"""

from __future__ import annotations

import multiprocessing
import subprocess
import sys
import tempfile
from collections.abc import Callable
from multiprocessing.connection import Connection
from typing import Any

from fqss_tf.errors import FqssError

RESULT, MISTAKE = "result", "mistake"


class Apart:
    """Calls ``function(channel, *arguments)`` in a fresh Python process.

    The channel has ``send`` and ``receive``, as this object has at the other end. Function and
    arguments are pickled.

    Args:
        name: of the model, for errors.
        function: takes a Channel and the arguments.
        *arguments: objects that can be pickled.
    """

    def __init__(self, name: str, function: Callable[..., None], *arguments: object) -> None:
        self._name = name
        here, there = multiprocessing.Pipe()
        self._errors = tempfile.TemporaryFile()
        self._process = subprocess.Popen(
            [sys.executable, "-m", "fqss_tf.benchmark.apart", str(there.fileno())],
            pass_fds=[there.fileno()],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=self._errors,
        )
        there.close()
        self._connection = here
        self.send((function, arguments))

    def __enter__(self) -> Apart:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def send(self, message: object) -> None:
        """Sends one object; what the child has to say to it comes with ``receive``."""
        try:
            self._connection.send(message)
        except BrokenPipeError:
            raise self._ended() from None

    def receive(self) -> Any:
        """Waits for the next object that the child sends.

        Raises:
            FqssError: the function failed, or its process ended.
        """
        try:
            kind, content = self._connection.recv()
        except (EOFError, ConnectionResetError):
            raise self._ended() from None
        if kind == MISTAKE:
            raise FqssError(f"{self._name} cannot be run: {content}")
        return content

    def close(self) -> None:
        """Ends the process."""
        self._connection.close()
        self._process.kill()
        self._process.wait()
        self._errors.close()

    def _ended(self) -> FqssError:
        code = self._process.wait()
        self._errors.seek(0)
        lines = self._errors.read().decode(errors="replace").split("\n")
        last = next((line for line in reversed(lines) if line.strip()), "no message")
        return FqssError(f"{self._name} cannot be run: its process ended with {code}: {last}")


class Channel:
    """The child's end."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def send(self, message: object) -> None:
        """Sends one object to the parent."""
        self._connection.send((RESULT, message))

    def receive(self) -> Any:
        """Waits for the next object from the parent.

        Raises:
            EOFError: the parent is gone.
        """
        return self._connection.recv()


def _main() -> None:
    connection = Connection(int(sys.argv[1]))
    function, arguments = connection.recv()
    try:
        function(Channel(connection), *arguments)
    except (EOFError, BrokenPipeError):
        return
    except Exception as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        connection.send((MISTAKE, reason))


if __name__ == "__main__":
    _main()
