"""The summary of an analysis as Markdown tables, aligned so that a terminal shows them as well."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from fqss_tf.analysis import summary
from fqss_tf.analysis.simulation import PARTS
from fqss_tf.benchmark.tables import markdown
from fqss_tf.types import Json

if TYPE_CHECKING:
    from fqss_tf.analysis.analyze import Analysis

MOST_TENSORS = 8
TENSOR_HEADER = (
    "rank", "tensor", "lost (dB)", "SQNR (dB)", "own SQNR (dB)", "clipped (%)", "range used (%)"
)
FILE_HEADER = ("model", "lost (dB)", "predicted (dB)", "SQNR (dB)", "within 0.5 dB (%)")


def tables(analysis: Analysis) -> dict[str, Iterator[str]]:
    """Gives the lines of a table, by its title, for everything that an Analysis has."""
    found = {}
    if analysis.simulation:
        found["SI-SDR lost (predicted) in dB, share of sources within 0.5 dB of it"] = bits_table(
            summary.curve_summary(analysis.plain_curves())
        )
        for network, entries in analysis.rankings().items():
            found[f"single tensors at 8 bits, network {network}"] = tensor_table(entries)
    if analysis.files:
        rows = summary.file_summary(analysis.files, analysis.options.least_sdr)
        found["integer files"] = markdown(FILE_HEADER, [
            (
                row["model"], f"{row['loss']:.2f}", f"{row['predicted_loss']:.2f}",
                f"{row['sqnr']:.1f}", f"{100 * row['within']:.0f}",
            )
            for row in rows
        ])
    return found


def bits_table(rows: Iterable[Json]) -> Iterator[str]:
    """Gives the lines of a table of ``summary.curve_summary`` of the network ``plain``.

    A row a number of bits; the last column is what an output of so many bits loses by theory alone.
    """
    lines = []
    for bits, same in summary.grouped(rows, "bits").items():
        of_part = {row["part"]: row for row in same}
        lines.append((
            str(bits),
            *(
                f"{_decibel(row['loss'])} ({_decibel(row['predicted_loss'])}) "
                f"{100 * row['within']:.0f} %"
                for row in (of_part[part] for part in PARTS)
            ),
            _decibel(of_part["output"]["bound_loss"]),
        ))
    return markdown(("bits", *PARTS, "output, theory"), lines)


def tensor_table(entries: Iterable[Json]) -> Iterator[str]:
    """Gives the lines of a table of the first of ``summary.ranking``, and of input and output."""
    return markdown(TENSOR_HEADER, [
        (
            str(rank), entry["tensor"], _decibel(entry["loss"]), f"{entry['sqnr']:.1f}",
            *(
                "" if entry[key] is None else f"{factor * entry[key]:.{digits}f}"
                for key, factor, digits in (
                    ("own_sqnr", 1, 1), ("clipped", 100, 0), ("used", 100, 0)
                )
            ),
        )
        for rank, entry in enumerate(entries, 1)
        if rank <= MOST_TENSORS or entry["kind"] in ("input", "output")
    ])


def _decibel(value: float) -> str:
    return f"{round(value, 3) + 0:.3f}"  # no -0.000
