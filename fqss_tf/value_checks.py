"""Limits of the values of a recipe: an error names the key, the value and what it must be."""

from collections.abc import Iterable, Mapping

from fqss_tf.errors import FqssError
from fqss_tf.formats import NOT_IN_NAMES

MOST_SEEDS = 2**31  # numpy takes twice as many, and the stages add to it


def check_choices(key: str, section: object, choices: Mapping[str, tuple[str, ...]]) -> None:
    """Checks that each of some values is one of those allowed.

    Args:
        key: how the error calls a value, with ``{}`` for its name, such as ``data.{}``.
        section: has the values as attributes.
        choices: name -> what is allowed.

    Raises:
        FqssError: a value is none of them.
    """
    for name, allowed in choices.items():
        value = getattr(section, name)
        if value not in allowed:
            names = ", ".join(repr(choice) if choice == "" else choice for choice in allowed)
            raise FqssError(f"{key.format(name)} {value!r} is unknown: use one of {names}")


def check_least(key: str, section: object, limits: Mapping[str, float]) -> None:
    """Checks that values are at least their limits; arguments and error as ``check_choices``."""
    for name, least in limits.items():
        value = getattr(section, name)
        if not value >= least:
            raise FqssError(f"{key.format(name)} is {value}: it must be at least {least}")


def check_positive(key: str, section: object, *names: str) -> None:
    """Checks that values are above 0; ``key`` and error as ``check_choices``."""
    for name in names:
        value = getattr(section, name)
        if not value > 0:
            raise FqssError(f"{key.format(name)} is {value}: it must be above 0")


def check_shares(key: str, section: object, *names: str) -> None:
    """Checks that values are from 0 to 1; ``key`` and error as ``check_choices``."""
    for name in names:
        value = getattr(section, name)
        if not 0 <= value <= 1:
            raise FqssError(f"{key.format(name)} is {value}: it must be from 0 to 1")


def check_file_names(key: str, names: Iterable[str]) -> None:
    """Checks that files can be called by each of the names.

    Raises:
        FqssError: a name is empty, or would lead to another folder.
    """
    for name in names:
        if not name or set(name) & set(NOT_IN_NAMES):
            raise FqssError(f"{key} names {name!r}: its files cannot be called so")


def check_seed(seed: int) -> None:
    """Checks that numpy and TensorFlow take a seed.

    Raises:
        FqssError: they do not.
    """
    if not 0 <= seed < MOST_SEEDS:
        raise FqssError(f"seed is {seed}: give a number from 0 to {MOST_SEEDS - 1}")
