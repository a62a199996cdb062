"""fqss-tf analyze: what quantization noise costs a model, and where it comes from."""

import json
from pathlib import Path

import click

from fqss_tf.cli.options import FiniteRange, models_on_mixtures
from fqss_tf.cli.progress import progress_bar
from fqss_tf.cli.standard_streams import show


@click.command()
@models_on_mixtures
@click.option("--output", required=True, type=click.Path(file_okay=False, path_type=Path),
              help="Folder for the report, figures and tables; new or empty.")
@click.option("--utterances", type=click.IntRange(min=1), show_default="all",
              help="Analyze at most this many mixtures, taken evenly from the list.")
@click.option("--tensor-utterances", default=8, show_default=True, type=click.IntRange(min=1),
              help="Quantize single tensors, and compare layers, on this many of these mixtures.")
@click.option("--seconds", default=2.0, show_default=True, type=FiniteRange(min=0.1),
              help="Analyze this many seconds of each mixture; a .tflite takes its own segment.")
@click.option("--least-sdr", default=0.0, show_default=True,
              help="Leave out sources whose float SI-SDR is lower, in dB.")
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
    """Show how much SDR quantization noise costs, and where the noise comes from.

    Give a run folder, or .tflite files of one network (one float32 file and one or more int8
    files), or both. Parts of the float network of a run folder are quantized, by simulation. Files
    are compared layer by layer.
    """
    from fqss_tf.analysis.analyze import Options, analyze
    from fqss_tf.analysis.tables import tables

    options = Options(utterances, tensor_utterances, seconds, least_sdr, threads)
    with progress_bar("analyzing") as progress:
        analysis = analyze(models, data, output, manifest, options, progress, task)
    if as_json:
        show(json.dumps(analysis.to_dict(), indent=1))
        return
    for title, lines in tables(analysis).items():
        show("\n".join((f"{title}:", "", *lines, "")))
    for sentences in analysis.advice.values():
        show("\n".join(sentences))
    show(f"report: {output / 'report.html'}")
