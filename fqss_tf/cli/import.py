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
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
def command(checkpoint, output, layout, config, as_json):
    """Make a run of CHECKPOINT: a PyTorch, .safetensors or .npz file, or a speechbrain folder.

    Nothing in the file is executed, and PyTorch is not needed.
    """
    from fqss_tf.importing.importer import import_checkpoint, read_arguments

    arguments = read_arguments(config) if config else None
    imported = import_checkpoint(checkpoint, output, layout, arguments)
    if as_json:
        click.echo(json.dumps({"run": output, "layout": imported.layout,
                               "network": imported.recipe.network, "assumed": imported.assumed}))
        return
    click.echo(f"{output}: {imported.recipe.network} from {imported.layout}")
    for name, value in imported.assumed.items():
        click.echo(f"  assumed model.{name} {value}: the checkpoint does not tell", err=True)
