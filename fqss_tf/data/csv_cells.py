"""Cells of CSV files that were written on another machine or by another program."""

import csv
import math
from pathlib import PureWindowsPath

ENCODING = "utf-8-sig"  # spreadsheets put a byte order mark before UTF-8
# What reading rows raises of a file that is closed to us, not UTF-8, or has an open quotation mark.
UNREADABLE = (OSError, UnicodeDecodeError, csv.Error)


def reason_of(error: Exception) -> str:
    """Returns why one of ``UNREADABLE`` was raised, in words for the user."""
    if isinstance(error, OSError):
        return error.strerror or str(error)
    if isinstance(error, UnicodeDecodeError):
        return "it must be a CSV file in UTF-8"
    return f"it must be a CSV file ({error})"


def portable_path(text: str) -> str:
    """Returns a path with slashes, whichever system wrote it."""
    return PureWindowsPath(text).as_posix()


def finite_number(text: str) -> float:
    """Reads a number.

    Raises:
        ValueError: it is none, or NaN or infinite.
    """
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(f"{text} is not a finite number")
    return number


def whole_number(text: str) -> int:
    """Reads a whole number, also as pandas writes it in a column with gaps: 48000.0.

    Raises:
        ValueError: it is none.
    """
    number = float(text)
    if not number.is_integer():
        raise ValueError(f"{text} is not a whole number")
    return int(number)
