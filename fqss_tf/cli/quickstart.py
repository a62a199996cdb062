"""``fqss-tf quickstart``: the main job, end to end, on the speech that ships with the package."""

import json

import click

from fqss_tf.cli.standard_streams import show


@click.command()
@click.option("--output", default="quickstart", show_default=True,
              type=click.Path(file_okay=False), help="Folder for all results; new or empty.")
@click.option("--from-scratch", is_flag=True,
              help="Also train the float network, which takes hours. Default: take the one that "
              "ships.")
@click.option("--teacher", type=click.Path(file_okay=False),
              help="Start from the float network of this run folder.")
@click.option("--set", "settings", multiple=True, metavar="KEY=VALUE",
              help="Change a key of the quickstart recipe; may be repeated.")
@click.option("--json", "as_json", is_flag=True, help="Print the results as JSON.")
def command(
    output: str, from_scratch: bool, teacher: str | None, settings: tuple[str, ...], as_json: bool
) -> None:
    """Train a small model in 8 bits, convert it and compare it with float, in some minutes.

    It starts from a float network and from speech that ship with the package. See README.md for
    what it prints.
    """
    from fqss_tf.evaluation import sweep_table
    from fqss_tf.quickstart import quickstart, table

    outcome = quickstart(output, from_scratch, teacher, settings)
    if as_json:
        show(json.dumps(outcome))
        return
    show(table(outcome["results"]))
    show("\nSI-SDR of the stronger / weaker voice, dB")
    show(sweep_table(outcome["sweep"], "method"))
    show(f"\nreport: {output}/report.html")
