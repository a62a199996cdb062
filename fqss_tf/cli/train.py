"""``fqss-tf train``: a float model, then its quantized twin, in a run folder."""

import json
from pathlib import Path
from typing import Literal, cast

import click

from fqss_tf.cli.standard_streams import show
from fqss_tf.errors import FqssError


@click.command()
@click.argument("recipe", required=False)
@click.option("-o", "--output", type=click.Path(file_okay=False),
              help="Run folder: where recipe, weights and logs go.")
@click.option("--set", "settings", multiple=True, metavar="KEY=VALUE",
              help="Change a recipe key, such as qat.steps=500; may be repeated.")
@click.option("--method", type=click.Choice(["fqss", "qat"]), show_default="fqss",
              help="fqss: two 8-bit tensors in and out, learns from the float network, too; "
              "qat: one 8-bit tensor in and out, to compare with.")
@click.option("--teacher", type=click.Path(),
              help="Skip the float stage, and quantize the float network of this run folder, "
              "PyTorch checkpoint or model that ships.")
@click.option("--initial", type=click.Path(),
              help="Start the float stage from the float network of this run folder, PyTorch "
              "checkpoint or model that ships.")
@click.option("--integer-eval", is_flag=True,
              help="At each evaluation of the qat stage, also convert to int8 and score that.")
@click.option("--distribute", type=click.Choice(["none", "mirrored", "multiworker"]),
              default="none", show_default=True,
              help="mirrored: on all GPUs of this machine; multiworker: on all machines in "
              "TF_CONFIG.")
@click.option("--resume", is_flag=True,
              help="Continue an interrupted run: train --resume RUN. It knows its recipe, "
              "settings, method and teacher.")
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
def command(
    recipe: str | None,
    output: str | None,
    settings: tuple[str, ...],
    method: Literal["fqss", "qat"] | None,
    teacher: str | None,
    initial: str | None,
    integer_eval: bool,
    distribute: Literal["none", "mirrored", "multiworker"],
    resume: bool,
    as_json: bool,
) -> None:
    """Train RECIPE: the float network, then the ranges of its tensors, then in 8 bits.

    RECIPE is the name of one that ships, such as quickstart or two-voices, or a YAML file.

    Ctrl-C saves after the running step. "fqss-tf train --resume RUN" goes on.
    """
    from fqss_tf.config import load_recipe
    from fqss_tf.runs.folder import RunFolder

    if resume and output is None:
        recipe, output = None, recipe
    if output is None:
        raise click.UsageError("missing option '--output'")
    found = RunFolder(output) if resume and (Path(output) / "recipe.yaml").exists() else None
    # Machines of a cluster begin a run by the command that goes on with it.
    if resume and found is None and (recipe is None or distribute != "multiworker"):
        raise FqssError(f"{output} is no run to resume: leave --resume away to begin one")
    if recipe is not None:
        resolved = load_recipe(recipe, settings)
    elif found is None:
        raise click.UsageError("missing argument 'RECIPE'")
    elif settings:
        raise click.UsageError("--set goes with RECIPE: a run that is resumed has its own")
    else:
        resolved = found.recipe
    if found is not None:
        method = method or cast(Literal["fqss", "qat"], found.method)
        if teacher is None and initial is None:
            teacher, initial = map(found.started_from.get, ("teacher", "initial"))
    method = method or "fqss"
    from fqss_tf.export.integer_score import IntegerScore
    from fqss_tf.importing.teacher import float_source
    from fqss_tf.training.distribution import Distribution
    from fqss_tf.training.stages import train

    run = train(
        resolved, output, method, float_source(teacher), resume, float_source(initial),
        integer_score=IntegerScore if integer_eval else None,
        distribution=Distribution(distribute),
    )
    if as_json:
        show(json.dumps({"run": str(run.folder), "method": method,
                               "quantized": run.is_quantized, "skipped": run.bad_files.lines}))
    else:
        show(f"finished: {run.folder}")
