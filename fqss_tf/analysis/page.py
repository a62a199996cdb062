"""The analysis as one HTML page: advice, figures, tables, and players for the worst utterances."""

from __future__ import annotations

import html
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from fqss_tf import audio
from fqss_tf.analysis import plots, summary
from fqss_tf.files import atomic_path
from fqss_tf.report.page import example_section, figure, page
from fqss_tf.types import FloatArray, Json

if TYPE_CHECKING:
    from fqss_tf.analysis.analyze import Analysis
    from fqss_tf.analysis.excerpts import Reference
    from fqss_tf.analysis.integer import Files
    from fqss_tf.analysis.simulation import Simulation

WORST = 3
MOST_ROWS = 15
LOUDEST = 0.9
TITLES = {
    "tensors": "Tensors",
    "utterances": "Utterances",
    "splitter": "Splitter and combiner",
}


def write_page(analysis: Analysis, folder: Path) -> None:
    """Writes ``report.html``, and the clips that it plays into ``audio``.

    Args:
        analysis: an Analysis.
        folder: an existing folder.
    """
    sections = [_advice(analysis.advice), _losses(analysis)]
    if analysis.simulation:
        sections += [_bits(analysis), _tensors(analysis)]
    if analysis.files:
        sections.append(_layers(analysis.files))
    sections += map(example_section, _examples(analysis, folder))
    lead = ("What 8 bits cost this model: the SDR that theory predicts from the noise, what was "
            "measured, and where the noise comes from.")
    with atomic_path(folder / "report.html") as temporary:
        temporary.write_text(page("SDR under quantization noise", lead, sections), encoding="utf-8")


def _section(title: str, *content: str) -> str:
    return f"<section><h2>{html.escape(title)}</h2>{''.join(content)}</section>\n"


def _advice(advice: Mapping[str, Sequence[str]]) -> str:
    parts = []
    for key, sentences in advice.items():
        parts.append(f"<h3>{TITLES[key]}</h3>")
        parts += [f"<p>{html.escape(sentence)}</p>" for sentence in sentences]
    return _section("Advice", *parts)


def _losses(analysis: Analysis) -> str:
    content = [
        "<p>SI-SDR that each source loses, over what it has in float. Noise of one level costs "
        "most where the float network is best.</p>",
        figure(plots.losses, analysis.groups(), "SI-SDR lost over float SI-SDR, a dot a source"),
    ]
    if analysis.files:
        rows = summary.file_summary(analysis.files, analysis.options.least_sdr)
        content.append(_table(
            ("model", "method"), ("loss", "predicted_loss", "sqnr", "within"), rows
        ))
    return _section("Loss against float SI-SDR", *content)


def _bits(analysis: Analysis) -> str:
    rows = analysis.plain_curves()
    return _section(
        "Bits",
        "<p>One part of the network quantized, the rest in float. Right: a dot a source, part and "
        "number of bits; dots off the lines are where the noise is not independent.</p>",
        figure(plots.bits, rows, "SDR lost over bits, and measured over predicted SDR"),
        _table(
            ("part", "bits"),
            ("loss", "predicted_loss", "bound_loss", "sqnr", "within", "source_correlation",
             "error_correlation"),
            [row for row in summary.curve_summary(rows) if row["bits"] in (4, 6, 8, 10, 12)],
        ),
    )


def _tensors(analysis: Analysis) -> str:
    rankings = analysis.rankings()
    return _section(
        "Tensors",
        "<p>SI-SDR lost when one tensor alone has 8 bits. With splitter and combiner the planes of "
        "input and output, which are 8-bit by nature, stay so beside it.</p>",
        figure(plots.tensors, rankings, "The tensors that lose most SI-SDR at 8 bits"),
        *(
            f"<h3>{plots.NETWORK_TITLES[network]}</h3>" + _table(
                ("tensor", "kind"), ("loss", "sqnr", "own_sqnr", "clipped", "used"),
                entries[:MOST_ROWS],
            )
            for network, entries in rankings.items()
        ),
    )


def _layers(files: Files) -> str:
    return _section(
        "Layer by layer",
        "<p>SQNR of what each layer of an integer file gives, against the float file. Trained "
        "networks also differ by their training.</p>",
        figure(plots.layers, files.layers, "SQNR of each layer against float"),
    )


def _table(labels: Sequence[str], numbers: Sequence[str], rows: Iterable[Json]) -> str:
    head = "".join(f"<th>{_title(key)}</th>" for key in labels)
    head += "".join(f'<th class="number">{_title(key)}</th>' for key in numbers)
    body = "".join(
        "<tr>" + "".join(f"<td>{html.escape(str(row[key]))}</td>" for key in labels)
        + "".join(f'<td class="number">{_number(row[key])}</td>' for key in numbers) + "</tr>\n"
        for row in rows
    )
    return (f'<div class="scroll"><table><thead><tr>{head}</tr></thead>'
            f"<tbody>{body}</tbody></table></div>\n")


def _title(key: str) -> str:
    return {"sqnr": "SQNR (dB)", "own_sqnr": "own SQNR (dB)", "loss": "lost (dB)",
            "predicted_loss": "predicted (dB)", "bound_loss": "b-bit output (dB)",
            "within": "share within 0.5 dB"}.get(
        key, key.replace("_", " ")
    )


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}" if abs(value) < 10 else f"{value:.1f}"


def _examples(analysis: Analysis, folder: Path) -> Iterator[Json]:
    measured = analysis.files or analysis.simulation
    if measured is None:
        return
    groups = analysis.groups()
    worst = sorted(
        ((row["float_sdr"] - row["sdr"], name, row) for name, rows in groups.items()
         for row in rows),
        key=lambda entry: -entry[0],
    )
    references = {reference.excerpt.utterance: reference for reference in measured.references}
    (folder / "audio").mkdir()
    shown: set[tuple[str, int]] = set()
    for lost, name, row in worst:
        place = row["utterance"], row["source"]
        if place in shown or len(shown) == WORST:
            continue
        shown.add(place)
        clips = _clips(references[row["utterance"]], row["source"] - 1, measured, groups, name)
        yield {
            "title": f"{row['utterance']}, source {row['source']}: {name} loses {lost:.2f} of "
                     f"{row['float_sdr']:.1f} dB",
            # By number: the id of a mixture may be no name of a file.
            "items": list(_written(clips, folder / "audio", f"{len(shown)}", analysis.rate)),
        }


def _clips(
    reference: Reference,
    source: int,
    measured: Files | Simulation,
    groups: Iterable[str],
    worst: str,
) -> dict[str, FloatArray]:
    utterance, float_estimate = reference.excerpt.utterance, reference.estimates[source]
    clips = {
        "mixture": reference.excerpt.mixture[: reference.excerpt.length],
        "true source": reference.excerpt.sources[source],
        "float estimate": float_estimate,
    }
    for name in groups:
        clips[name] = measured.estimates[name, utterance][source, : len(float_estimate)]
    gain = LOUDEST / max(np.abs(clip).max() for clip in clips.values())
    clips = {label: gain * clip for label, clip in clips.items()}
    noise = clips[worst] - clips["float estimate"]
    noise_gain = LOUDEST / max(np.abs(noise).max(), 1e-6)
    clips[f"what {worst} added, {20 * np.log10(noise_gain):.0f} dB louder"] = noise_gain * noise
    return clips


def _written(clips: Mapping[str, FloatArray], folder: Path, stem: str, rate: int) -> Iterator[Json]:
    for number, (label, clip) in enumerate(clips.items()):
        path = folder / f"{stem}_{number}.wav"
        audio.write(path, clip, rate)
        yield {"label": label, "path": path}
