"""``fqss-tf import``: a published checkpoint as a run folder."""

from __future__ import annotations

import contextlib
import json
from typing import TYPE_CHECKING

import click

from fqss_tf.cli.standard_streams import say, show

if TYPE_CHECKING:
    from fqss_tf.types import Json


@click.command()
@click.argument("checkpoint", type=click.Path())
@click.option("--output", required=True, type=click.Path(file_okay=False), help="Run folder.")
@click.option("--layout", metavar="NAME",
              help="Whose network it is, such as asteroid-convtasnet; default: recognized by the "
              "names of the tensors.")
@click.option("--config", type=click.Path(dir_okay=False), metavar="FILE",
              help="JSON or YAML file with the arguments that the network was built with in "
              "PyTorch.")
@click.option("--rate", type=click.IntRange(1), metavar="HZ",
              help="Sample rate of the network; default: the one in --config or CHECKPOINT.")
@click.option("--task", type=click.Choice(["sep_clean", "sep_noisy", "enh_single"]),
              help="What the network was trained for: separate speakers, speakers and noise, or "
              "one speaker out of noise; default: as CHECKPOINT says.")
@click.option("--set", "settings", multiple=True, metavar="KEY=VALUE",
              help="Change a recipe key of the run, such as data.datasets=[DIR]; may be repeated.")
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
def command(
    checkpoint: str,
    output: str,
    layout: str | None,
    config: str | None,
    rate: int | None,
    task: str | None,
    settings: tuple[str, ...],
    as_json: bool,
) -> None:
    """Make a run folder of CHECKPOINT, to evaluate it, convert it, or train it in 8 bits.

    CHECKPOINT is a PyTorch, .safetensors or .npz file, or a folder of speechbrain, with a
    ConvTasNet, for speech or music, SepFormer, DPTNet, DPRNN-TasNet or HTDemucs; or a folder of
    TensorFlow with a Spleeter. Nothing in it is executed, and PyTorch is not needed.

    Or it is the name of one that its publisher has on the web: spleeter:2stems, spleeter:4stems,
    spleeter:5stems, demucs:htdemucs, asteroid:OWNER/REPOSITORY or speechbrain:REPOSITORY of
    Hugging Face, such as
    asteroid:JorisCos/ConvTasNet_Libri2Mix_sepclean_8k or speechbrain:sepformer-libri2mix. It is
    downloaded once, and refused if its checksum is not the one that the publisher states. The
    license that is stated is printed. Hugging Face needs the extra fqss-tf[hub].
    """
    from fqss_tf.files import check_new_folder
    from fqss_tf.importing.by_name import is_name, published
    from fqss_tf.importing.importer import import_checkpoint, read_arguments

    arguments = read_arguments(config) if config else None
    origin: Json = {}
    with contextlib.ExitStack() as stack:
        if is_name(checkpoint):
            check_new_folder(output)
            found = stack.enter_context(published(checkpoint))
            origin = {"name": found.name, "url": found.url, "license": found.license}
            checkpoint = str(found.path)
        imported = import_checkpoint(
            checkpoint, output, layout, arguments, rate, task, settings, origin
        )
    recipe = imported.recipe
    if as_json:
        show(json.dumps({
            "run": output, "layout": imported.layout, "network": recipe.network,
            "sources": recipe.model.sources, "sample_rate": recipe.data.sample_rate,
            "task": recipe.data.task, "assumed": imported.assumed,
        } | origin))
        return
    sources = f"{recipe.model.sources} source{'s' if recipe.model.sources > 1 else ''}"
    show(f"{output}: {recipe.network} from {imported.layout}, {sources} at "
               f"{recipe.data.sample_rate} Hz, {recipe.data.task}")
    if origin:
        stated = f"license of {origin['name']}, as its publisher states it: {origin['license']}"
        missing = f"license of {origin['name']}: none found"
        show(f"{stated if origin['license'] else missing} ({origin['url']})")
    for name, value in imported.assumed.items():
        say(f"  assumed model.{name} {value}: the checkpoint does not tell")
