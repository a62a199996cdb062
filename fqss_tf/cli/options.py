"""Arguments that several commands share."""

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

Command = TypeVar("Command", bound=Callable[..., object])


class FiniteRange(click.FloatRange):
    """A number in a range, which is neither NaN nor infinite."""

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        """Converts what was given, or fails."""
        found = float(super().convert(value, param, ctx))
        if not math.isfinite(found):
            self.fail(f"{value} is not a finite number", param, ctx)
        return found


def models_on_mixtures(command: Command) -> Command:
    """Adds MODEL..., --data, --manifest and --task: models, and mixtures to try them on."""
    for decorate in (
        click.option("--task", type=click.Choice(["sep_clean", "sep_noisy", "enh_single"]),
                     help="If DIR is a LibriMix: which mixtures of it; default: enh_single for "
                     "models with one source, else sep_clean."),
        click.option("--manifest", metavar="NAME", default="mixtures.csv", show_default=True,
                     help="Name of the csv file in DIR that lists the mixtures."),
        click.option("--data", metavar="DIR", required=True,
                     help="Data set, folder with the csv file of --manifest, or 'bundled' for the "
                     "audio that ships."),
        click.argument("models", metavar="MODEL...", nargs=-1, required=True,
                       type=click.Path(path_type=Path)),
    ):
        command = decorate(command)
    return command
