"""fqss-tf long: whether a .tflite holds up on long recordings."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from fqss_tf.cli.options import FiniteRange
from fqss_tf.cli.progress import progress_bar
from fqss_tf.cli.standard_streams import show

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from fqss_tf.evaluation.seams import SeamScore
    from fqss_tf.types import Json


@click.command()
@click.argument("model", type=click.Path(path_type=Path))
@click.option("--whole", "wholes", metavar="FILE", multiple=True, type=click.Path(path_type=Path),
              help="The same run converted with a larger --seconds, such as 30; may be repeated.")
@click.option("--mixtures", default=100, show_default=True, type=click.IntRange(min=1),
              help="How many mixtures to score with each --whole; each is as long as its segment.")
@click.option("--hours", default=3.0, show_default=True, type=FiniteRange(min=0),
              help="Length of the recording whose memory is measured; 0 leaves this out.")
@click.option("--threads", default=1, show_default=True, type=click.IntRange(min=1),
              help="CPU threads.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of tables.")
def command(
    model: Path, wholes: tuple[Path, ...], mixtures: int, hours: float, threads: int, as_json: bool
) -> None:
    """Show what it costs to cut long recordings into segments for MODEL, a .tflite file.

    With --whole: separate mixtures of the bundled test part in segments and as a whole, and
    compare the SI-SDR. Also put the sources of each segment in random order, and count the seams
    (where two segments meet) at which they still change places, with and without the ordering of
    fqss-tf separate.

    Then separate a recording of --hours and print the peak memory. This needs 170 MB of temporary
    files for each hour.
    """
    from fqss_tf.benchmark.long_recording import measure_long_recording
    from fqss_tf.evaluation.seams import score_files
    from fqss_tf.tflite import TfliteFile

    file = TfliteFile.open(model)
    scores = []
    for whole in wholes:
        with progress_bar(f"against {whole.name}") as progress:
            scores.append(score_files(file, whole, mixtures, threads, progress))
    memory = None
    if hours:
        with progress_bar(f"{hours:g} hours") as progress:
            minute = _minute(file.metadata.sample_rate)
            memory = measure_long_recording(file, minute, hours, threads, progress)
    if as_json:
        seams = [_summary(str(whole), score) for whole, score in zip(wholes, scores, strict=True)]
        show(json.dumps({"model": str(model), "seams": seams, "memory": memory}, indent=2))
        return
    if scores:
        show("\n".join(_table(scores)))
    if memory:
        show(_memory_line(memory))


def _minute(rate: int) -> NDArray[np.int16]:
    import numpy as np

    from fqss_tf.evaluation.seams import bundled_voices, long_mixture

    generator = np.random.default_rng(0)
    mixture, _ = long_mixture(bundled_voices(rate), 60 * rate, generator)
    return np.round(mixture * (2**15 - 1)).astype(np.int16)


def _means(score: SeamScore) -> tuple[float, float, float]:
    whole, joined, joined_plainly = (
        sum(values) / len(values) for values in (score.whole, score.joined, score.joined_plainly)
    )
    return whole, joined, joined_plainly


def _summary(whole: str, score: SeamScore) -> Json:
    si_sdr, joined, joined_plainly = _means(score)
    return {
        "whole": whole,
        "mixtures": score.mixtures,
        "samples": score.samples,
        "whole_si_sdr": si_sdr,
        "joined_si_sdr": joined,
        "largest_difference": score.largest_difference,
        "joined_plainly_si_sdr": joined_plainly,
        "seams": score.seams,
        "swapped": score.swapped,
        "swapped_plainly": score.swapped_plainly,
        "swapped_by_network": score.swapped_by_network,
    }


def _table(scores: Sequence[SeamScore]) -> Iterator[str]:
    means = [_means(score) for score in scores]
    rows = [
        ("seconds of a mixture", [f"{score.samples / score.rate:g}" for score in scores]),
        ("mixtures", [str(score.mixtures) for score in scores]),
        ("SI-SDR as a whole (dB)", [f"{whole:.3f}" for whole, _, _ in means]),
        ("SI-SDR in segments (dB)", [f"{joined:.3f}" for _, joined, _ in means]),
        ("largest difference of a mixture (dB)", [f"{s.largest_difference:.3f}" for s in scores]),
        ("SI-SDR in segments, not aligned (dB)", [f"{plain:.3f}" for _, _, plain in means]),
        ("seams", [str(score.seams) for score in scores]),
        ("swapped", [str(score.swapped) for score in scores]),
        ("swapped, not aligned", [str(score.swapped_plainly) for score in scores]),
        ("swapped by the network itself", [str(score.swapped_by_network) for score in scores]),
    ]
    width = max(len(name) for name, _ in rows)
    for name, cells in rows:
        yield "  ".join([name.ljust(width), *(cell.rjust(8) for cell in cells)])


def _memory_line(memory: Json) -> str:
    size = memory["peak_bytes"]
    peak = "unknown" if size is None else f"{size / 1e6:.0f} MB"
    factor = memory["real_time_factor"]
    return f"{memory['hours']:g} hours: peak memory {peak}, real-time factor {factor:.4f}"
