"""The report's figures, as PNG. Drawn without pyplot, so no display and no global state."""

import dataclasses
import itertools
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, BinaryIO, TypeAlias

import numpy as np
from matplotlib.figure import Figure
from matplotlib.text import Text
from matplotlib.ticker import LogLocator, NullLocator

from fqss_tf.types import FloatArray, Json, PathLike

if TYPE_CHECKING:
    from fqss_tf.benchmark.op_times import OpTimes

Target: TypeAlias = PathLike | BinaryIO
METHOD_COLOURS = {"float": "#8b93a1", "ptq": "#e08a1e", "qat": "#17a37f", "fqss": "#4c7ff0"}
OTHER_COLOUR = "#b65fc9"
SPECTROGRAM_RANGE_DB = 80
MOST_BARS = 14
# 20 different points before they repeat: 4 markers go with 5 colours.
POINTS = tuple(zip("osD^" * 5, (*METHOD_COLOURS.values(), OTHER_COLOUR) * 4, strict=True))


@dataclasses.dataclass(frozen=True)
class Theme:
    """Colours of everything in a figure that is not data."""

    text: str
    grid: str
    background: str


LIGHT = Theme(text="#3a404b", grid="#e3e6eb", background="#ffffff")
DARK = Theme(text="#c6ccd6", grid="#333a45", background="#1b2028")


def method_colour(method: str) -> str:
    """Returns the colour of everything that a figure shows of a method."""
    return METHOD_COLOURS.get(method, OTHER_COLOUR)


def scores(results: Sequence[Json], target: Target, theme: Theme = LIGHT) -> None:
    """Draws two panels with a bar a model: its SI-SDR and what it lost against float.

    Args:
        results: rows with type, method, si_sdr (dB) and drop (dB, positive is worse, or
            None).
        target: path or binary file that takes the PNG.
        theme: of the page around it.
    """
    height = 1.1 + 0.42 * len(results)
    figure, (score_axes, drop_axes) = new_figure(theme, 1, 2, (8.4, height))
    positions = np.arange(len(results))
    colours = [method_colour(row["method"]) for row in results]
    labels = [f"{row['method']} · {row['type']}" for row in results]
    drops = [row["drop"] for row in results]
    for axes, values, title, form in (
        (score_axes, [row["si_sdr"] for row in results], "SI-SDR (dB)", "{:.2f}"),
        (drop_axes, drops, "Lost against float (dB)", "{:+.2f}"),
    ):
        bars = axes.barh(positions, [value or 0 for value in values], 0.62, color=colours)
        texts = ["" if value is None else form.format(value) for value in values]
        axes.bar_label(bars, texts, padding=4, color=theme.text, fontsize=9)
        axes.set_title(title, loc="left", fontsize=10, color=theme.text)
        axes.set_yticks(positions, labels if axes is score_axes else [""] * len(labels))
        axes.invert_yaxis()
        axes.margins(x=0.2)
        axes.grid(axis="x", color=theme.grid, linewidth=0.8)
        axes.axvline(0, color=theme.grid, linewidth=1.2)
    save(figure, target)


def snr_sweep(sweep: Sequence[Json], target: Target, theme: Theme = LIGHT) -> None:
    """Draws SI-SDR improvement of the voice, and its loss against float, over the input SNR.

    Args:
        sweep: rows with method, input_snr, si_sdri and drop, all in dB.
        target: path or binary file that takes the PNG.
        theme: of the page around it.
    """
    figure, panels = new_figure(theme, 1, 2, (8.4, 3.4))
    for axes, key, title in (
        (panels[0], "si_sdri", "SI-SDR improvement of the voice (dB)"),
        (panels[1], "drop", "Lost against float (dB)"),
    ):
        for method in dict.fromkeys(row["method"] for row in sweep):
            rows = [row for row in sweep if row["method"] == method]
            rows.sort(key=lambda row: row["input_snr"])
            axes.plot(
                [row["input_snr"] for row in rows],
                [row[key] for row in rows],
                label=method,
                color=method_colour(method),
                marker="o",
                markersize=4,
                linewidth=1.8,
            )
        axes.set_title(title, loc="left", fontsize=10, color=theme.text)
        axes.set_xlabel("Input SNR (dB)", color=theme.text, fontsize=9)
        axes.grid(color=theme.grid, linewidth=0.8)
    panels[0].legend(frameon=False, labelcolor=theme.text, fontsize=9)
    save(figure, target)


def quality_against_latency(points: Sequence[Json], target: Target, theme: Theme = LIGHT) -> None:
    """Draws a dot a model: SI-SDR over the time that a second of audio takes.

    Args:
        points: rows with name, milliseconds (per second of audio) and si_sdr (dB).
        target: path or binary file that takes the PNG.
        theme: of the page around it.
    """
    figure, axes = new_figure(theme, 1, 1, (6.4, 3.4 + 0.2 * len(points)))
    for row, (marker, colour) in zip(points, itertools.cycle(POINTS), strict=False):
        # A legend leaves out what begins with an underscore.
        label = f" {row['name']}: {row['milliseconds']:.3g} ms, {row['si_sdr']:.2f} dB"
        axes.plot(
            row["milliseconds"], row["si_sdr"], marker, color=colour, markersize=8, label=label
        )
    axes.set_xscale("log")
    axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axes.xaxis.set_major_formatter("{x:g}")
    axes.xaxis.set_minor_locator(NullLocator())
    axes.margins(x=0.15, y=0.2)
    axes.set_xlabel("Computing time per second of audio (ms)", color=theme.text, fontsize=9)
    axes.set_ylabel("SI-SDR (dB)", color=theme.text, fontsize=9)
    axes.grid(color=theme.grid, linewidth=0.8)
    figure.legend(loc="outside lower left", frameon=False, labelcolor=theme.text, fontsize=8)
    save(figure, target)


def op_times(times: "OpTimes", name: str, target: Target, theme: Theme = LIGHT) -> None:
    """Draws a bar for each kind of op, slowest on top.

    Args:
        times: of one model.
        name: of the model, for the title.
        target: path or binary file that takes the PNG.
        theme: of the page around it.
    """
    bars: list[tuple[str, bool | None, float]] = [
        (f"{kind.name} × {kind.count}", kind.in_xnnpack, kind.milliseconds) for kind in times.kinds
    ]
    shown, rest = bars[:MOST_BARS], bars[MOST_BARS:]
    if rest:
        shown.append((f"{len(rest)} others", None, sum(bar[2] for bar in rest)))
    figure, axes = new_figure(theme, 1, 1, (7.8, 1.3 + 0.32 * len(shown)))
    colours = {True: METHOD_COLOURS["fqss"], False: METHOD_COLOURS["ptq"], None: theme.grid}
    labels = {True: "XNNPACK", False: "LiteRT's own kernels", None: None}
    for place in (True, False, None):
        own = [(row, bar[2]) for row, bar in enumerate(shown) if bar[1] is place]
        if not own:
            continue
        rows, values = zip(*own, strict=True)
        drawn = axes.barh(rows, values, 0.66, color=colours[place], label=labels[place])
        texts = [f"{value:.3f} ms, {100 * times.share_of_time(value):.1f} %" for value in values]
        axes.bar_label(drawn, texts, padding=4, color=theme.text, fontsize=8)
    axes.set_yticks(range(len(shown)), [bar[0] for bar in shown])
    axes.invert_yaxis()
    axes.margins(x=0.3)
    axes.set_title(name, loc="left", fontsize=10, color=theme.text)
    axes.set_xlabel("Time per invocation (ms)", color=theme.text, fontsize=9)
    axes.grid(axis="x", color=theme.grid, linewidth=0.8)
    axes.legend(frameon=False, labelcolor=theme.text, fontsize=9, loc="lower right")
    save(figure, target)


def data_set(parts: Sequence[Json], name: str, target: Target, theme: Theme = LIGHT) -> None:
    """Draws lengths, loudness, level differences and hours per speaker of a data set, part by part.

    Args:
        parts: entries of ``fqss_tf.data.statistics.data_set_statistics``.
        name: of the set, for the title.
        target: path or binary file that takes the PNG.
        theme: of the page around it.
    """
    figure, panels = new_figure(theme, 2, 2, (8.4, 5.6))
    colours = dict(zip((part["part"] for part in parts), METHOD_COLOURS.values(), strict=False))
    for axes, key, label in (
        (panels[0, 0], "seconds", "Length (s)"),
        (panels[0, 1], "loudness", "Loudness of the sources (LUFS)"),
        (panels[1, 0], "level_differences", "Level difference of the sources (dB)"),
    ):
        everything = [value for part in parts for value in part[key]]
        if everything:
            bins = np.linspace(min(everything), max(everything) + 1e-6, 40)
            for part in parts:
                if part[key]:
                    share = np.full(len(part[key]), 100 / len(part[key]))
                    axes.hist(part[key], bins, weights=share, histtype="step", linewidth=1.6,
                              color=colours[part["part"]], label=part["part"])
        axes.set_xlabel(label, color=theme.text, fontsize=9)
        axes.set_ylabel("Share (%)", color=theme.text, fontsize=9)
        axes.grid(color=theme.grid, linewidth=0.8)
    for part in parts:
        minutes = sorted((60 * hours for hours in part["speaker_hours"].values()), reverse=True)
        if minutes:
            panels[1, 1].plot(
                np.arange(1, len(minutes) + 1), minutes, color=colours[part["part"]],
                linewidth=1.6, marker="o", markersize=2.5, label=part["part"],
            )
    panels[1, 1].set_xlabel("Speakers, most material first", color=theme.text, fontsize=9)
    panels[1, 1].set_ylabel("Minutes", color=theme.text, fontsize=9)
    panels[1, 1].set_ylim(bottom=0)
    panels[1, 1].grid(color=theme.grid, linewidth=0.8)
    panels[0, 0].set_title(name, loc="left", fontsize=10, color=theme.text)
    panels[0, 0].legend(frameon=False, labelcolor=theme.text, fontsize=9)
    save(figure, target)


def spectrogram(waveform: FloatArray, rate: int, path: PathLike, title: str) -> None:
    """Draws the level over time and frequency, down to 80 dB below the loudest point.

    Args:
        waveform: float [samples].
        rate: sampling rate in Hz.
        path: PNG file to write.
        title: text above the picture.
    """
    level = _level_db(np.asarray(waveform, np.float64), window=int(rate * 0.032))
    figure, axes = new_figure(DARK, 1, 1, (5.2, 2.3), dpi=110)
    axes.imshow(
        level,
        origin="lower",
        aspect="auto",
        cmap="magma",
        vmin=-SPECTROGRAM_RANGE_DB,
        vmax=0,
        extent=(0, len(waveform) / rate, 0, rate / 2000),
    )
    axes.set_title(title, loc="left", fontsize=10, color=DARK.text)
    axes.set_xlabel("Time (s)", color=DARK.text, fontsize=8)
    axes.set_ylabel("kHz", color=DARK.text, fontsize=8)
    save(figure, path)


def _level_db(waveform: FloatArray, window: int) -> FloatArray:
    """Returns [frequencies, frames] in dB below the maximum; silence is the bottom of the range."""
    padded = np.pad(waveform, (0, max(0, window - len(waveform))))
    frames = np.lib.stride_tricks.sliding_window_view(padded, window)[:: window // 4]
    magnitude = np.abs(np.fft.rfft(frames * np.hanning(window), axis=1)).T
    loudest = magnitude.max() or 1
    return 20 * np.log10(np.maximum(magnitude / loudest, 10 ** (-SPECTROGRAM_RANGE_DB / 20)))


def new_figure(
    theme: Theme, rows: int, columns: int, size: tuple[float, float], dpi: float = 150,
    **options: Any,
) -> tuple[Figure, Any]:
    """Makes an empty figure.

    Args:
        theme: of the page around it.
        rows: of axes.
        columns: of axes.
        size: width and height in inches.
        dpi: pixels per inch.
        **options: for ``matplotlib.figure.Figure.subplots``.

    Returns:
        The figure, and its axes: one, or an array of them, [columns], [rows] or [rows, columns].
    """
    figure = Figure(figsize=size, dpi=dpi, facecolor=theme.background, layout="constrained")
    panels = figure.subplots(rows, columns, **options)
    for axes in np.atleast_1d(panels).flat:
        axes.set_facecolor(theme.background)
        axes.set_axisbelow(True)
        axes.tick_params(colors=theme.text, labelsize=9, length=0)
        axes.spines[:].set_visible(False)
    return figure, panels


def save(figure: Figure, target: Target) -> None:
    """Writes a figure to a path or binary file, as PNG."""
    for text in figure.findobj(Text):
        text.set_parse_math(False)  # dollars in names of files are no formulas
    figure.savefig(target, format="png")
