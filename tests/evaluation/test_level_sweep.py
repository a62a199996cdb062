import pytest

from fqss_tf.evaluation import ModelScore, UtteranceScore, level_sweep, sweep_table


def score(*rows):
    """A ModelScore of (level difference, SI-SDR of each source) in dB."""
    return ModelScore("model", [
        UtteranceScore(str(number), level, tuple(source_si_sdr), (0.0,) * len(source_si_sdr))
        for number, (level, *source_si_sdr) in enumerate(rows)
    ], seconds=1.0, audio_seconds=1.0)


def test_means_are_of_each_level_and_the_louder_source_is_the_stronger():
    sweep = level_sweep(score((10, 8, -6), (0, 1, 2), (10, 9, -7), (0, 3, 4)))
    assert sweep == [
        {"level_difference": 0, "stronger_si_sdr": 2.0, "weaker_si_sdr": 3.0},
        {"level_difference": 10, "stronger_si_sdr": 8.5, "weaker_si_sdr": -6.5},
    ]
    (quieter_first, _) = level_sweep(score((-10, 1, 7), (-10, 3, 9), (0, 0, 0), (0, 0, 0)))
    assert quieter_first["stronger_si_sdr"] == 8 and quieter_first["weaker_si_sdr"] == 2


@pytest.mark.parametrize("rows", [
    [(1.5, 0, 0), (-2.5, 0, 0), (4.0, 0, 0)],  # each mixture has its own
    [(0, 1, 2), (0, 3, 4)],
    [(0, 1, 2, 3), (0, 1, 2, 3), (10, 1, 2, 3), (10, 1, 2, 3)],
])
def test_other_mixtures_are_no_sweep(rows):
    assert level_sweep(score(*rows)) == []


def test_table_has_a_line_for_each_model_in_columns_of_one_width():
    sweep = level_sweep(score((0, 1, 2), (0, 1, 2), (30, 20, -9), (30, 20, -9)))
    named = [{"model": name, **row} for name in ("a.tflite", "a/much/longer/name") for row in sweep]
    header, short, long = sweep_table(named, "model").splitlines()
    assert len(header) == len(short) == len(long)
    assert header.split() == ["level", "difference", "0", "dB", "30", "dB"]
    assert short.split() == ["a.tflite", "1.00/", "2.00", "20.00/", "-9.00"]
