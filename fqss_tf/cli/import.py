"""``fqss-tf import``: a published PyTorch checkpoint as a run folder."""

import json

import click


@click.command()
@click.argument("checkpoint", type=click.Path())
@click.option("--output", required=True, type=click.Path(file_okay=False), help="Run folder.")
@click.option("--layout", metavar="NAME",
              help="How CHECKPOINT is laid out, such as asteroid-convtasnet; default: told by its "
              "keys.")
@click.option("--config", type=click.Path(dir_okay=False), metavar="FILE",
              help="JSON or YAML file with the arguments of the published network's constructor.")
@click.option("--rate", type=click.IntRange(1), metavar="HZ",
              help="Sample rate of the network; default: what CHECKPOINT or --config say.")
@click.option("--task", type=click.Choice(["sep_clean", "sep_noisy", "enh_single"]),
              help="What it was trained for; default: told by CHECKPOINT, or by its sources.")
@click.option("--set", "settings", multiple=True, metavar="KEY=VALUE",
              help="Change a key of the run's recipe, such as data.datasets=[DIR]; repeatable.")
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
    """Make a run of CHECKPOINT: a PyTorch, .safetensors or .npz file, or a speechbrain folder.

    Nothing in the file is executed, and PyTorch is not needed.
    """
    from fqss_tf.importing.importer import import_checkpoint, read_arguments

    arguments = read_arguments(config) if config else None
    imported = import_checkpoint(
        checkpoint, output, layout, arguments, rate, task, settings
    )
    recipe = imported.recipe
    if as_json:
        click.echo(json.dumps({
            "run": output, "layout": imported.layout, "network": recipe.network,
            "sources": recipe.model.sources, "sample_rate": recipe.data.sample_rate,
            "task": recipe.data.task, "assumed": imported.assumed,
        }))
        return
    sources = f"{recipe.model.sources} source{'s' if recipe.model.sources > 1 else ''}"
    click.echo(f"{output}: {recipe.network} from {imported.layout}, {sources} at "
               f"{recipe.data.sample_rate} Hz, {recipe.data.task}")
    for name, value in imported.assumed.items():
        click.echo(f"  assumed model.{name} {value}: the checkpoint does not tell", err=True)
