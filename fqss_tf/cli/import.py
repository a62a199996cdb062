"""``fqss-tf import``: a published PyTorch checkpoint as a run folder."""

import json

import click

from fqss_tf.cli.standard_streams import say, show


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
    ConvTasNet, SepFormer, DPTNet or DPRNN-TasNet. Nothing in it is executed, and PyTorch is not
    needed.
    """
    from fqss_tf.importing.importer import import_checkpoint, read_arguments

    arguments = read_arguments(config) if config else None
    imported = import_checkpoint(
        checkpoint, output, layout, arguments, rate, task, settings
    )
    recipe = imported.recipe
    if as_json:
        show(json.dumps({
            "run": output, "layout": imported.layout, "network": recipe.network,
            "sources": recipe.model.sources, "sample_rate": recipe.data.sample_rate,
            "task": recipe.data.task, "assumed": imported.assumed,
        }))
        return
    sources = f"{recipe.model.sources} source{'s' if recipe.model.sources > 1 else ''}"
    show(f"{output}: {recipe.network} from {imported.layout}, {sources} at "
               f"{recipe.data.sample_rate} Hz, {recipe.data.task}")
    for name, value in imported.assumed.items():
        say(f"  assumed model.{name} {value}: the checkpoint does not tell")
