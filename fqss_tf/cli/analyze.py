"""fqss-tf analyze: what quantization noise costs a model, and where it comes from."""

import json
from pathlib import Path

import click

from fqss_tf.cli.options import models_on_mixtures
from fqss_tf.cli.progress import progress_bar


@click.command()
@models_on_mixtures
@click.option("--output", required=True, type=click.Path(file_okay=False, path_type=Path),
              help="Folder for report, figures and numbers; new or empty.")
@click.option("--utterances", type=click.IntRange(min=1), show_default="all",
              help="Analyze at most this many mixtures, spread over the list.")
@click.option("--tensor-utterances", default=8, show_default=True, type=click.IntRange(min=1),
              help="Quantize single tensors, and compare layers, on this many of them.")
@click.option("--seconds", default=2.0, show_default=True, type=click.FloatRange(min=0.1),
              help="Of each mixture; .tflite files set it by their segment.")
@click.option("--least-sdr", default=0.0, show_default=True,
              help="Float SI-SDR in dB that a source needs to count.")
@click.option("--json", "as_json", is_flag=True,
              help="Print analysis.json instead of tables and advice.")
@click.option("--threads", default=2, show_default=True, type=click.IntRange(min=1),
              help="CPU threads.")
def command(
    models: tuple[Path, ...],
    data: str,
    manifest: str,
    task: str | None,
    output: Path,
    utterances: int | None,
    tensor_utterances: int,
    seconds: float,
    least_sdr: float,
    as_json: bool,
    threads: int,
) -> None:
    """Show what quantization noise costs MODEL in SDR, and where it comes from.

    MODEL is a run folder, whose float network is quantized in parts, by simulation; or a float32
    .tflite and int8 files of the same network, which are compared layer by layer; or both.
    """
    from fqss_tf.analysis.analyze import Options, analyze
    from fqss_tf.analysis.tables import tables

    options = Options(utterances, tensor_utterances, seconds, least_sdr, threads)
    with progress_bar("analyzing") as progress:
        analysis = analyze(models, data, output, manifest, options, progress, task)
    if as_json:
        click.echo(json.dumps(analysis.to_dict(), indent=1))
        return
    for title, lines in tables(analysis).items():
        click.echo("\n".join((f"{title}:", "", *lines, "")))
    for sentences in analysis.advice.values():
        click.echo("\n".join(sentences))
    click.echo(f"report: {output / 'report.html'}")
