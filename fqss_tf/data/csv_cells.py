"""Cells of CSV files that were written on another machine or by another program."""

from pathlib import PureWindowsPath

ENCODING = "utf-8-sig"  # spreadsheets put a byte order mark before UTF-8


def portable_path(text: str) -> str:
    """Returns a path with slashes, whichever system wrote it."""
    return PureWindowsPath(text).as_posix()


def whole_number(text: str) -> int:
    """Reads a whole number, also as pandas writes it in a column with gaps: 48000.0.

    Raises:
        ValueError: it is none.
    """
    number = float(text)
    if not number.is_integer():
        raise ValueError(f"{text} is not a whole number")
    return int(number)
