"""Arguments that several commands share."""

from pathlib import Path

import click


def models_on_mixtures(command):
    """MODEL..., --data and --manifest: models, and the mixtures that they are tried on."""
    for decorate in (
        click.option("--manifest", metavar="NAME", default="mixtures.csv", show_default=True,
                     help="Name of the list of mixtures in that folder."),
        click.option("--data", metavar="DIR", required=True,
                     help="Data set folder, a folder with the manifest itself, or 'bundled'."),
        click.argument("models", metavar="MODEL...", nargs=-1, required=True,
                       type=click.Path(path_type=Path)),
    ):
        command = decorate(command)
    return command
