"""``fqss-tf train``: a float model, then its quantized twin, in a run folder."""

import json
from typing import Literal

import click


@click.command()
@click.argument("recipe")
@click.option("--output", required=True, type=click.Path(file_okay=False), help="Run folder.")
@click.option("--set", "settings", multiple=True, metavar="KEY=VALUE",
              help="Change a recipe key, such as qat.steps=500; may be repeated.")
@click.option("--method", type=click.Choice(["fqss", "qat"]), default="fqss", show_default=True,
              help="fqss: splitter, combiner, distillation; qat: plain 8-bit quantization-aware.")
@click.option("--teacher", type=click.Path(),
              help="Run folder or published checkpoint whose float model to quantize; the float "
              "stage is skipped.")
@click.option("--initial", type=click.Path(),
              help="Run folder or published checkpoint that the float stage starts from.")
@click.option("--integer-eval", is_flag=True,
              help="Convert and score the integer model too at each evaluation of the qat stage.")
@click.option("--distribute", type=click.Choice(["none", "mirrored", "multiworker"]),
              default="none", show_default=True,
              help="mirrored: all GPUs of this machine; multiworker: all machines of TF_CONFIG.")
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
    """Train RECIPE (packaged or a YAML file): float, then calibrate the ranges, then quantized."""
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
        click.echo(json.dumps({"run": str(run.folder), "method": method,
                               "quantized": run.is_quantized, "skipped": run.bad_files.lines}))
    else:
        click.echo(f"finished: {run.folder}")
