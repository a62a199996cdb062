"""What becomes of broken files and rows: the recipe key ``data.on_bad_file``."""

import contextlib
import logging
from collections.abc import Iterator

from fqss_tf.errors import FqssError

logger = logging.getLogger(__name__)

POLICIES = ("stop", "skip")
LINES = 10


class BadFilePolicy:
    """Hears of each thing that is wrong with a data set, and counts.

    Args:
        policy: ``stop`` raises at the first; ``skip`` logs a line for each of the first ten and
            lets the caller go on without it; ``collect`` keeps quiet, for whoever reads ``lines``.
    """

    def __init__(self, policy: str = "stop") -> None:
        self.policy = policy
        self.lines: list[str] = []
        self._known: set[str] = set()

    def __len__(self) -> int:
        return len(self.lines)

    def report(self, line: str) -> None:
        """Takes one line that names the thing and what is wrong; the same line counts once.

        Raises:
            FqssError: with that line, if the policy is ``stop``.
        """
        if line in self._known:
            return
        self._known.add(line)
        self.lines.append(line)
        if self.policy == "stop":
            raise FqssError(line)
        if self.policy == "skip" and len(self.lines) <= LINES:
            logger.warning("skipped: %s", line)
            if len(self.lines) == LINES:
                logger.warning("skipped: more are counted, not named; see fqss-tf data check")


# A file may turn out broken while TensorFlow reads it, many calls away from the training that has
# to end: the error that arrives there has lost its type.
_found_while_reading: list[FqssError] = []


def found_while_reading(error: FqssError) -> None:
    """Remembers an FqssError that is about to pass through TensorFlow."""
    _found_while_reading.append(error)


@contextlib.contextmanager
def bad_files_named() -> Iterator[None]:
    """Turns what TensorFlow makes of an FqssError in the data pipeline back into that error."""
    known = len(_found_while_reading)  # those belong to whoever this is called by
    try:
        yield
    except Exception as error:
        if len(_found_while_reading) > known and not isinstance(error, FqssError):
            raise _found_while_reading[known] from error
        raise
