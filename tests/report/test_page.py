import base64
import html.parser
import math
import re

import numpy as np
import pytest

from fqss_tf import audio
from fqss_tf.errors import FqssError
from fqss_tf.report import plots
from fqss_tf.report.page import write_report

RATE = 8000
PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"


def result(model, method="ptq", kind="int8", **numbers):
    measured = {
        "si_sdr": 8.125,
        "si_sdri": 8.0,
        "drop": 1.5,
        "sqnr": 21.75,
        "bytes": 420123,
        "real_time_factor": 0.02,
    }
    return {"model": model, "method": method, "type": kind} | measured | numbers


RESULTS = [
    result("float.tflite", "float", "float32", drop=0.0, sqnr=None),
    result("ptq.tflite"),
    result("fqss.tflite", "fqss", drop=0.03),
]
SWEEP = [
    {
        "method": method,
        "input_snr": level,
        "si_sdri": 9.0 - level / 5,
        "drop": 0.1 + level / 50,
    }
    for method in ("float", "fqss")
    for level in (0, 10, 20)
]


@pytest.fixture
def clip(tmp_path):
    waveform = np.random.default_rng(0).uniform(-0.5, 0.5, RATE).astype(np.float32)
    audio.write(tmp_path / "clip.wav", waveform, RATE)
    plots.spectrogram(waveform, RATE, tmp_path / "clip.png", "noise")
    return {
        "label": "mixture",
        "path": tmp_path / "clip.wav",
        "spectrogram": tmp_path / "clip.png",
    }


def write(tmp_path, results=RESULTS, sweep=(), examples=()):
    path = write_report(list(results), list(sweep), list(examples), tmp_path / "report")
    assert path == tmp_path / "report" / "report.html"
    return path.read_text(encoding="utf-8")


class Page(html.parser.HTMLParser):
    """The table's cells, the addresses that the page loads, and the tags it has."""

    def __init__(self, text):
        super().__init__()
        self.rows, self.addresses, self.tags, self._in_cell = [], [], [], False
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        self.addresses += [
            value for name, value in attributes if name in ("src", "srcset", "href", "data")
        ]
        if tag == "tr":
            self.rows.append([])
        if tag in ("td", "th"):
            self.rows[-1].append("")
            self._in_cell = True

    def handle_endtag(self, tag):
        if tag in ("td", "th"):
            self._in_cell = False

    def handle_data(self, data):
        if self._in_cell:
            self.rows[-1][-1] += data


def test_the_page_refers_to_nothing_outside_itself(tmp_path, clip):
    text = write(tmp_path, sweep=SWEEP, examples=[{"title": "One", "items": [clip]}])
    page = Page(text)
    assert len(page.addresses) == 6  # two plots in two themes, a spectrogram, a clip
    assert all(address.startswith("data:") for address in page.addresses)
    assert not re.search(r"https?:|//|@import|url\(", re.sub(r'"data:[^"]*"', "", text))
    assert not {"script", "link", "iframe"} & set(page.tags)


def test_pictures_and_clips_are_the_files(tmp_path, clip):
    page = Page(write(tmp_path, examples=[{"title": "One", "items": [clip]}]))
    contents = [base64.b64decode(address.partition(",")[2]) for address in page.addresses]
    assert contents[0].startswith(PNG_SIGNATURE) and contents[1].startswith(PNG_SIGNATURE)
    assert contents[0] != contents[1]
    assert contents[2:] == [clip["spectrogram"].read_bytes(), clip["path"].read_bytes()]
    assert page.addresses[2].startswith("data:image/png;")
    assert page.addresses[3].startswith("data:audio/wav;")


def test_every_result_has_its_row_in_order(tmp_path):
    header, *rows = Page(write(tmp_path)).rows
    assert header[:4] == ["model", "method", "type", "SI-SDR"]
    assert [row[0] for row in rows] == [row["model"] for row in RESULTS]
    assert rows[2] == [
        "fqss.tflite", "fqss", "int8",
        "8.12 dB", "+8.00 dB", "+0.03 dB", "21.8 dB", "420,123 bytes", "0.020",
    ]  # fmt: skip


def test_what_was_not_measured_is_a_dash(tmp_path):
    missing = result("x.tflite", si_sdri=None, drop=None, sqnr=math.nan, real_time_factor=None)
    row = Page(write(tmp_path, [missing])).rows[1]
    assert [cell for cell in row[3:] if cell != "–"] == ["8.12 dB", "420,123 bytes"]


def test_an_exact_match_has_infinite_sqnr(tmp_path):
    assert "∞ dB" in Page(write(tmp_path, [result("x.tflite", sqnr=math.inf)])).rows[1]


def test_text_from_outside_is_escaped(tmp_path, clip):
    hostile = "<script>alert('x')</script>&\""
    clip["label"] = hostile
    text = write(
        tmp_path,
        [result(hostile, method=hostile, kind=hostile)],
        examples=[{"title": hostile, "items": [clip]}],
    )
    page = Page(text)
    assert "script" not in page.tags
    assert page.rows[1][:3] == [hostile] * 3
    assert text.count("&lt;script&gt;") == 6  # three cells, a title, a label and a description


def test_empty_parts_are_left_out(tmp_path):
    assert "From loud backgrounds" not in write(tmp_path)
    assert "From loud backgrounds" in write(tmp_path, sweep=SWEEP)
    assert Page(write(tmp_path)).tags.count("section") == 1
    assert Page(write(tmp_path, sweep=SWEEP)).tags.count("section") == 2


def test_a_clip_without_spectrogram_is_only_a_player(tmp_path, clip):
    del clip["spectrogram"]
    page = Page(write(tmp_path, examples=[{"title": "One", "items": [clip]}]))
    assert page.tags.count("img") == 1
    assert page.tags.count("audio") == 1


def test_no_results_is_a_mistake(tmp_path):
    with pytest.raises(FqssError, match="no results"):
        write_report([], SWEEP, [], tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_missing_clip_is_named_and_nothing_is_written(tmp_path):
    item = {"label": "gone", "path": tmp_path / "gone.wav"}
    with pytest.raises(FqssError, match="cannot read .*gone.wav"):
        write_report(RESULTS, [], [{"title": "One", "items": [item]}], tmp_path / "report")
    assert not (tmp_path / "report").exists()


def test_an_output_that_is_a_file_is_named(tmp_path):
    (tmp_path / "report").write_text("mine")
    with pytest.raises(FqssError, match="cannot make folder .*report"):
        write(tmp_path)


@pytest.mark.parametrize("samples", [1, 100, RATE])
def test_spectrogram_of_silence_and_of_short_clips(tmp_path, samples):
    plots.spectrogram(np.zeros(samples), RATE, tmp_path / "silence.png", "silence")
    assert (tmp_path / "silence.png").read_bytes().startswith(PNG_SIGNATURE)


def test_spectrogram_level_peaks_at_the_tone():
    tone = np.sin(2 * np.pi * 1000 * np.arange(RATE) / RATE)
    level = plots._level_db(tone, window=256)
    assert (level.argmax(axis=0) == 1000 * 256 // RATE).all()
    assert level.max() == 0
    assert level.min() == -plots.SPECTROGRAM_RANGE_DB
