"""``fqss-tf train``: a float model, then its quantized twin, in a run folder."""

import json
from typing import Literal

import click

from fqss_tf.cli.standard_streams import show


@click.command()
@click.argument("recipe")
@click.option("--output", required=True, type=click.Path(file_okay=False),
              help="Run folder: where recipe, weights and logs go.")
@click.option("--set", "settings", multiple=True, metavar="KEY=VALUE",
              help="Change a recipe key, such as qat.steps=500; may be repeated.")
@click.option("--method", type=click.Choice(["fqss", "qat"]), default="fqss", show_default=True,
              help="fqss: two 8-bit tensors in and out, learns from the float network, too; "
              "qat: one 8-bit tensor in and out, to compare with.")
@click.option("--teacher", type=click.Path(),
              help="Skip the float stage, and quantize the float network of this run folder or "
              "PyTorch checkpoint.")
@click.option("--initial", type=click.Path(),
              help="Start the float stage from the float network of this run folder or PyTorch "
              "checkpoint.")
@click.option("--integer-eval", is_flag=True,
              help="At each evaluation of the qat stage, also convert to int8 and score that.")
@click.option("--distribute", type=click.Choice(["none", "mirrored", "multiworker"]),
              default="none", show_default=True,
              help="mirrored: on all GPUs of this machine; multiworker: on all machines in "
              "TF_CONFIG.")
@click.option("--resume", is_flag=True, help="Continue an interrupted run.")
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
def command(
    recipe: str,
    output: str,
    settings: tuple[str, ...],
    method: Literal["fqss", "qat"],
    teacher: str | None,
    initial: str | None,
    integer_eval: bool,
    distribute: Literal["none", "mirrored", "multiworker"],
    resume: bool,
    as_json: bool,
) -> None:
    """Train RECIPE: the float network, then the ranges of its tensors, then in 8 bits.

    RECIPE is the name of one that ships, such as quickstart or mobile, or a YAML file.
    """
    from fqss_tf.config import load_recipe

    resolved = load_recipe(recipe, settings)
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
