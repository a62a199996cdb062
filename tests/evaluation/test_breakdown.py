import math

import pytest

from fqss_tf.evaluation import ModelScore, UtteranceScore, breakdown, breakdown_table

NAN = math.nan


def score(*rows, sources=("voice", "background")):
    return ModelScore("model", [
        UtteranceScore(
            str(number), level, (voice, voice + 1), (level, -level),
            {"stoi": (stoi, NAN)}, {"stoi": (0.5, NAN)},
        )
        for number, (level, voice, stoi) in enumerate(rows)
    ], 1.0, 1.0, sources)


def test_each_source_has_its_means_per_level_and_per_kind():
    rows = breakdown(
        score((-2.0, 6.0, 0.6), (3.0, 10.0, 0.8), (4.5, 12.0, NAN)),
        {"0": "music", "1": "music", "2": "noise"},
    )
    found = {row["mixtures"]: (row["count"], row["sources"]) for row in rows}
    assert list(found) == ["all", "-5 to 0 dB", "0 to 5 dB", "music", "noise"]
    count, sources = found["0 to 5 dB"]
    assert count == 2
    assert sources["voice"] == pytest.approx(
        {"si_sdr": 11.0, "si_sdri": 7.25, "stoi": 0.8, "stoi_improvement": 0.3}
    )
    assert sources["background"] == pytest.approx({"si_sdr": 12.0, "si_sdri": 15.75})
    assert found["music"][1]["voice"]["si_sdr"] == 8.0
    assert math.isnan(found["noise"][1]["voice"]["stoi"])


def test_the_table_has_a_line_for_each_row_and_the_names_of_the_sources():
    rows = breakdown(score((-2.0, 6.0, 0.6), (3.0, 10.0, 0.8)))
    header, *lines = breakdown_table(rows).splitlines()
    assert "voice si_sdri" in header and "background si_sdr" in header
    assert [line[:10].strip() for line in lines] == ["all", "-5 to 0 dB", "0 to 5 dB"]
    assert len({len(line) for line in (header, *lines)}) == 1


def test_voices_without_names_have_no_breakdown():
    assert breakdown(score((0.0, 1.0, 0.5), sources=())) == []
