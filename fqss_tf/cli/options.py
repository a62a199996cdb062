"""Arguments that several commands share."""

from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import click

Command = TypeVar("Command", bound=Callable[..., object])


def models_on_mixtures(command: Command) -> Command:
    """Adds MODEL..., --data, --manifest and --task: models, and mixtures to try them on."""
    for decorate in (
        click.option("--task", type=click.Choice(["sep_clean", "sep_noisy", "enh_single"]),
                     help="Of a LibriMix in that folder; default: enh_single for models of one "
                     "source, else sep_clean."),
        click.option("--manifest", metavar="NAME", default="mixtures.csv", show_default=True,
                     help="Name of the list of mixtures in that folder."),
        click.option("--data", metavar="DIR", required=True,
                     help="Data set folder, a folder with the manifest itself, or 'bundled'."),
        click.argument("models", metavar="MODEL...", nargs=-1, required=True,
                       type=click.Path(path_type=Path)),
    ):
        command = decorate(command)
    return command
