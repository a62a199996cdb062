"""The one exception that is meant for people."""


class FqssError(Exception):
    """A mistake in the input: one line that names the thing and says what to do.

    The command line prints it as ``error: ...`` and exits with code 2.
    """
