"""One HTML page with scores, figures and players that needs no other file and no network."""

import base64
import html
import io
import math
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import BinaryIO, TypeVar

from fqss_tf.errors import FqssError
from fqss_tf.files import atomic_path
from fqss_tf.report import plots
from fqss_tf.types import Json, PathLike

_Rows = TypeVar("_Rows")

MISSING = "–"

STYLE = """
:root { color-scheme: light dark; --page: #f5f6f8; --card: #ffffff; --text: #20242b;
  --soft: #646c79; --line: #e3e6eb; }
@media (prefers-color-scheme: dark) {
  :root { --page: #12151a; --card: #1b2028; --text: #e8ebf0; --soft: #97a0ae; --line: #2c333d; } }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 1040px; padding: 40px 20px 64px; background: var(--page);
  color: var(--text); font: 15px/1.5 system-ui, sans-serif; }
h1 { font-size: 28px; margin: 0 0 4px; letter-spacing: -0.02em; }
h2 { font-size: 17px; margin: 0 0 12px; }
h3 { font-size: 14px; margin: 0 0 8px; font-weight: 600; }
p { margin: 0 0 12px; color: var(--soft); }
section { background: var(--card); border: 1px solid var(--line); border-radius: 14px;
  padding: 22px; margin-top: 20px; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
th { color: var(--soft); font-size: 12px; font-weight: 500; text-align: left;
  white-space: nowrap; }
th, td { padding: 9px 14px 9px 0; border-bottom: 1px solid var(--line); }
tr:last-child td { border-bottom: 0; }
.number { text-align: right; white-space: nowrap; }
.dot { display: inline-block; width: 9px; height: 9px; border-radius: 50%; margin-right: 8px; }
img { display: block; width: 100%; height: auto; border-radius: 10px; }
audio { display: block; width: 100%; margin-top: 8px; }
.clips { display: grid; grid-template-columns: repeat(auto-fill, minmax(290px, 1fr));
  gap: 20px; }
"""

# What the browser itself refuses to load: anything that is not in the page.
POLICY = "default-src 'none'; img-src data:; media-src data:; style-src 'unsafe-inline'"

COLUMNS = (
    ("SI-SDR", "si_sdr", "{:.2f} dB"),
    ("improvement", "si_sdri", "{:+.2f} dB"),
    ("lost against float", "drop", "{:+.2f} dB"),
    ("SQNR", "sqnr", "{:.1f} dB"),
    ("size", "bytes", "{:,.0f} bytes"),
    ("real-time factor", "real_time_factor", "{:.3f}"),
)


def write_report(
    results: Sequence[Json], sweep: Sequence[Json], examples: Iterable[Json], output_dir: PathLike
) -> Path:
    """Writes ``report.html`` into ``output_dir``, which is made if missing.

    Args:
        results: rows with model (file name), type, method, si_sdr, si_sdri, drop (dB against
            float, positive is worse), sqnr (dB against the simulation), bytes and
            real_time_factor; a number that was not measured is None.
        sweep: rows with method, input_snr, si_sdri of the voice and drop (what it loses against
            float), all in dB; may be empty.
        examples: ``{"title", "items": [{"label", "path" of a WAV, "spectrogram" path of a PNG,
            optional}]}``; may be empty.
        output_dir: folder.

    Returns:
        Path of the page.

    Raises:
        FqssError: nothing to report, a clip or picture cannot be read, or the page not written.
    """
    if not results:
        raise FqssError("the report has no results: evaluate at least one model")
    sections = [_results_section(results)]
    if sweep:
        sections.append(_sweep_section(sweep))
    sections += map(example_section, examples)
    content = page(
        "Source separation in integers",
        "Scores of float and quantized models on the same mixtures, cut into the same chunks.",
        sections,
    )
    output_dir = Path(output_dir)
    try:
        output_dir.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise FqssError(f"cannot make folder {output_dir}: {error.strerror or error}") from error
    path = output_dir / "report.html"
    with atomic_path(path) as temporary:
        temporary.write_text(content, encoding="utf-8")
    return path


def page(title: str, lead: str, sections: Iterable[str]) -> str:
    """Writes a whole HTML page of a title, a sentence and sections of HTML.

    The title and the sentence are plain text. The page refers to no other file.
    """
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{POLICY}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>fqss-tf report</title>
<style>{STYLE}</style>
</head>
<body>
<h1>{html.escape(title)}</h1>
<p>{html.escape(lead)}</p>
{"".join(sections)}
</body>
</html>
"""


def _results_section(results: Sequence[Json]) -> str:
    titles = "".join(f'<th class="number">{title}</th>' for title, _, _ in COLUMNS)
    rows = "".join(map(_result_row, results))
    return f"""<section>
<h2>Results</h2>
<div class="scroll"><table>
<thead><tr><th>model</th><th>method</th><th>type</th>{titles}</tr></thead>
<tbody>{rows}</tbody>
</table></div>
{figure(plots.scores, results, "SI-SDR of each model and its loss against float")}
</section>
"""


def _result_row(row: Json) -> str:
    dot = f'<span class="dot" style="background:{plots.method_colour(row["method"])}"></span>'
    numbers = "".join(
        f'<td class="number">{_number(row[key], form)}</td>' for _, key, form in COLUMNS
    )
    model, method, kind = (html.escape(row[key]) for key in ("model", "method", "type"))
    return f"<tr><td>{dot}{model}</td><td>{method}</td><td>{kind}</td>{numbers}</tr>\n"


def _number(value: float | None, form: str) -> str:
    if value is None or math.isnan(value):
        return MISSING
    return form.format(value).replace("inf", "∞")


def _sweep_section(sweep: Sequence[Json]) -> str:
    return f"""<section>
<h2>From loud backgrounds to soft ones</h2>
<p>How much cleaner the voice becomes, and what of this each method loses against float.</p>
{figure(plots.snr_sweep, sweep, "SI-SDR improvement over the input SNR, one line a method")}
</section>
"""


def example_section(example: Json) -> str:
    """Writes a section of players as HTML.

    Args:
        example: ``{"title", "items"}`` as ``write_report`` takes them.

    Raises:
        FqssError: a clip or picture cannot be read.
    """
    clips = "".join(map(_clip, example["items"]))
    return f"""<section>
<h2>{html.escape(example["title"])}</h2>
<div class="clips">{clips}</div>
</section>
"""


def _clip(item: Json) -> str:
    label = html.escape(item["label"])
    picture = ""
    if item.get("spectrogram"):
        source = _data_uri(_read(item["spectrogram"]), "image/png")
        picture = f'<img src="{source}" alt="Spectrogram: {label}">'
    sound = _data_uri(_read(item["path"]), "audio/wav")
    return f"""<div><h3>{label}</h3>
{picture}<audio controls preload="metadata" src="{sound}"></audio></div>
"""


def figure(
    draw: Callable[[_Rows, BinaryIO, plots.Theme], None], rows: _Rows, description: str
) -> str:
    """Writes HTML of a drawing for light pages and one for dark pages.

    The browser shows the one that fits.

    Args:
        draw: called as ``draw(rows, file, theme)``; it writes a PNG to the file.
        rows: what is drawn.
        description: for those who cannot see it, as HTML.
    """
    light, dark = (_drawn(draw, rows, theme) for theme in (plots.LIGHT, plots.DARK))
    return f"""<picture><source media="(prefers-color-scheme: dark)" srcset="{dark}">
<img src="{light}" alt="{description}"></picture>"""


def _drawn(
    draw: Callable[[_Rows, BinaryIO, plots.Theme], None], rows: _Rows, theme: plots.Theme
) -> str:
    file = io.BytesIO()
    draw(rows, file, theme)
    return _data_uri(file.getvalue(), "image/png")


def _read(path: PathLike) -> bytes:
    try:
        return Path(path).read_bytes()
    except OSError as error:
        raise FqssError(f"cannot read {path}: {error.strerror or error}") from error


def _data_uri(content: bytes, media_type: str) -> str:
    return f"data:{media_type};base64,{base64.b64encode(content).decode()}"
