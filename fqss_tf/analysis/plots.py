"""Figures of an analysis: SDR under quantization noise. Arguments as in ``report.plots``."""

import io
import itertools
from collections.abc import Mapping, Sequence
from typing import BinaryIO

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import NullLocator, StrMethodFormatter
from PIL import Image

from fqss_tf.analysis import summary
from fqss_tf.report.plots import (
    LIGHT,
    METHOD_COLOURS,
    OTHER_COLOUR,
    Theme,
    method_colour,
    new_figure,
    save,
)
from fqss_tf.types import Json, PathLike

PART_COLOURS = dict(zip(
    ("input", "output", "weights", "activations", "all"),
    (METHOD_COLOURS["fqss"], OTHER_COLOUR, METHOD_COLOURS["float"], METHOD_COLOURS["ptq"],
     METHOD_COLOURS["qat"]),
    strict=True,
))
KIND_COLOURS = {
    "input": PART_COLOURS["input"], "output": PART_COLOURS["output"],
    "weight": PART_COLOURS["weights"], "activation": PART_COLOURS["activations"],
}
NETWORK_TITLES = {
    "plain": "8-bit input and output",
    "split": "Splitter and combiner, untrained",
    "trained": "Splitter and combiner, trained",
}
# Each network is simulated as one of the methods would start, or end.
NETWORK_METHODS = {"plain": "ptq", "split": "other", "trained": "fqss"}
SMALLEST_LOSS = 0.003
MOST_BARS = 12
SIZE_PER_BAR = 0.27
DPI = 110
COLOURS = 64


def bits(rows: Sequence[Json], target: PathLike | BinaryIO, theme: Theme = LIGHT) -> None:
    """Draws the mean SDR lost over the bits of each part, and the measured over the predicted SDR.

    Args:
        rows: of ``Simulation.curves`` of the network ``plain``.
        target: path or binary file that takes the PNG.
        theme: colours of what is not data.
    """
    figure, (means, points) = new_figure(theme, 1, 2, (9.2, 4.0), DPI)
    for part, own in summary.grouped(rows, "part").items():
        colour = PART_COLOURS[part]
        curve = summary.curve_summary(own)
        x = [row["bits"] for row in curve]
        for key, style, label in (("loss", "o-", part), ("predicted_loss", "--", None)):
            y = np.array([row[key] for row in curve])
            y[y < SMALLEST_LOSS] = np.nan
            means.plot(x, y, style, color=colour, markersize=3.5, linewidth=1.4, label=label)
        points.plot(
            [row["predicted"] for row in own], [row["sdr"] for row in own], ".", color=colour,
            markersize=3, alpha=0.6,
        )
    means.set_yscale("log")
    means.yaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
    means.yaxis.set_minor_locator(NullLocator())
    _label(means, theme, "Bits", "Mean SDR lost (dB), dashed: predicted")
    means.legend(frameon=False, labelcolor=theme.text, fontsize=8)
    ends = np.array(points.get_xlim())
    for offset in (-summary.INDEPENDENT_DB, summary.INDEPENDENT_DB):
        points.plot(ends, ends + offset, color=theme.text, linewidth=0.7)
    _label(points, theme, "Predicted SDR (dB)", "Measured SDR (dB), lines: ±0.5 dB")
    _save(figure, target)


def tensors(
    rankings: Mapping[str, Sequence[Json]], target: PathLike | BinaryIO, theme: Theme = LIGHT
) -> None:
    """Draws the most sensitive tensors of each network, and what SDR each loses alone at 8 bits.

    Args:
        rankings: dict of network -> entries of ``summary.ranking``.
        target: path or binary file that takes the PNG.
        theme: colours of what is not data.
    """
    height = 1.0 + SIZE_PER_BAR * MOST_BARS
    figure, panels = new_figure(
        theme, 1, len(rankings), (3.6 * len(rankings) + 0.6, height), DPI, sharex=True,
        squeeze=False,
    )
    for axes, (network, entries) in zip(panels[0], rankings.items(), strict=True):
        shown = [
            entry for rank, entry in enumerate(entries)
            if rank < MOST_BARS or entry["kind"] in ("input", "output")
        ]
        places = range(len(shown))
        axes.barh(
            places, [entry["loss"] for entry in shown], 0.66,
            color=[KIND_COLOURS[entry["kind"]] for entry in shown],
        )
        for place, entry in zip(places, shown, strict=True):
            axes.text(
                max(entry["loss"], 0), place, f" {entry['loss']:.3f} · {entry['sqnr']:.0f} dB",
                va="center", color=theme.text, fontsize=7,
            )
        ranks = {entry["tensor"]: rank for rank, entry in enumerate(entries, 1)}
        axes.set_yticks(
            places, [f"{ranks[entry['tensor']]}. {entry['tensor']}" for entry in shown], fontsize=7
        )
        axes.invert_yaxis()
        axes.margins(x=0.4)
        axes.set_title(NETWORK_TITLES[network], loc="left", fontsize=9, color=theme.text)
        _label(axes, theme, "SDR lost (dB) · output SQNR", "")
    _save(figure, target)


def losses(
    groups: Mapping[str, Sequence[Json]], target: PathLike | BinaryIO, theme: Theme = LIGHT
) -> None:
    """Draws the SDR lost over float SDR, a dot a source; a cross is what theory says of its SQNR.

    Args:
        groups: dict of model or network -> rows of ``noise_rows``.
        target: path or binary file that takes the PNG.
        theme: colours of what is not data.
    """
    figure, axes = new_figure(theme, 1, 1, (7.0, 4.0), DPI)
    for (name, rows), marker in zip(groups.items(), itertools.cycle("osD^v"), strict=False):
        colour = method_colour(rows[0].get("method") or NETWORK_METHODS[name])
        float_sdr = np.array([row["float_sdr"] for row in rows])
        axes.plot(
            float_sdr, float_sdr - [row["sdr"] for row in rows], marker, color=colour,
            markersize=4, alpha=0.8, label=name,
        )
        axes.plot(
            float_sdr, float_sdr - [row["predicted"] for row in rows], "x", color=colour,
            markersize=5, alpha=0.6,
        )
    axes.axhline(0, color=theme.grid, linewidth=1.2)
    _label(axes, theme, "Float SI-SDR (dB)", "SI-SDR lost (dB), crosses: predicted")
    axes.legend(frameon=False, labelcolor=theme.text, fontsize=8)
    _save(figure, target)


def layers(rows: Sequence[Json], target: PathLike | BinaryIO, theme: Theme = LIGHT) -> None:
    """Draws the SQNR of each layer of integer files against the float one, in computing order.

    Args:
        rows: of ``Files.layers``.
        target: path or binary file that takes the PNG.
        theme: colours of what is not data.
    """
    groups = summary.grouped(rows, "model")
    figure, axes = new_figure(theme, 1, 1, (9.2, 4.4), DPI)
    names = list(dict.fromkeys(row["layer"] for row in rows))
    for own in groups.values():
        axes.plot(
            [names.index(row["layer"]) for row in own], [row["sqnr"] for row in own], "o-",
            color=method_colour(own[0]["method"]), markersize=3, linewidth=1.2,
            label=own[0]["model"],
        )
    step = max(len(names) // 40, 1)
    axes.set_xticks(range(0, len(names), step), names[::step], rotation=90)
    axes.tick_params(axis="x", labelsize=6)
    _label(axes, theme, "", "SQNR against the float layer (dB)")
    axes.legend(frameon=False, labelcolor=theme.text, fontsize=8)
    _save(figure, target)


def _label(axes: Axes, theme: Theme, x: str, y: str) -> None:
    axes.set_xlabel(x, color=theme.text, fontsize=9)
    axes.set_ylabel(y, color=theme.text, fontsize=9)
    axes.grid(color=theme.grid, linewidth=0.8)


def _save(figure: Figure, target: PathLike | BinaryIO) -> None:
    """With a palette: a quarter of the bytes, for pages that hold many figures."""
    drawn = io.BytesIO()
    save(figure, drawn)
    Image.open(drawn).convert("RGB").quantize(COLOURS).save(target, format="png", optimize=True)
