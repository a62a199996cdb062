"""``fqss-tf quickstart``: the main job, end to end, on the audio that ships with the package."""

import json

import click

from fqss_tf.cli.standard_streams import show


@click.command()
@click.option("--output", default="quickstart", show_default=True,
              type=click.Path(file_okay=False), help="Folder for all results; new or empty.")
@click.option("--from-scratch", is_flag=True,
              help="Also train the float network, which takes hours. Default: take the one that "
              "ships.")
@click.option("--teacher", type=click.Path(),
              help="Start from the float network of this run folder, PyTorch checkpoint or model "
              "that ships; its sizes must be those of the recipe.")
@click.option("--set", "settings", multiple=True, metavar="KEY=VALUE",
              help="Change a key of the quickstart recipe; may be repeated.")
@click.option("--json", "as_json", is_flag=True, help="Print the results as JSON.")
def command(
    output: str, from_scratch: bool, teacher: str | None, settings: tuple[str, ...], as_json: bool
) -> None:
    """Train a small model in 8 bits, convert it and compare it with float, in some minutes.

    It starts from the float network of voice-micro, and from voices and backgrounds that ship with
    the package. See README.md for what it prints.
    """
    from fqss_tf.evaluation import snr_table
    from fqss_tf.quickstart import quickstart, table

    outcome = quickstart(output, from_scratch, teacher, settings)
    if as_json:
        show(json.dumps(outcome))
        return
    show(table(outcome["results"]))
    show("\nSI-SDR improvement of the voice, and what int8 loses of it, dB")
    show(snr_table(outcome["sweep"]))
    show(f"\nreport: {output}/report.html")
