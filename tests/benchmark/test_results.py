import json

import pytest
from idle_subject import IdleSubject

from fqss_tf.benchmark.measure import Measurement
from fqss_tf.benchmark.op_times import NodeTime, OpTimes
from fqss_tf.benchmark.phone import PhoneMeasurement
from fqss_tf.benchmark.results import Results
from fqss_tf.benchmark.tables import SLOWEST_NODES, markdown, node_table, ratio

MACHINE = {"cpu": "Some CPU", "flags": [], "cores": 8, "load": 0.25, "litert": "2.3.0"}
LONG = IdleSubject(name="long", runtime="LiteRT", seconds=2.0, file_bytes=1_500_000, macs=6_000_000,
               scored="long.tflite")
SHORT = IdleSubject(name="short", runtime="PyTorch", seconds=1.0)
UNKNOWN = IdleSubject(name="unknown", runtime="LiteRT", seconds=None)


def measured(subject, milliseconds, threads=1):
    return Measurement(subject, threads, (milliseconds,), 2_000_000)


def cells(line):
    return [cell.strip() for cell in line.strip("|").split("|")]


def test_columns_are_aligned_text_to_the_left_numbers_to_the_right():
    assert list(markdown(("name", "ms"), [("a", "1.25"), ("longer", "13.50"), ("b", "")])) == [
        "| name   |    ms |",
        "| ------ | ----: |",
        "| a      |  1.25 |",
        "| longer | 13.50 |",
        "| b      |       |",
    ]


def test_ratios_are_per_second_of_audio():
    measurements = [measured(LONG, 4.0), measured(SHORT, 4.0)]
    assert ratio(measurements[0], measurements) == 1
    assert ratio(measurements[1], measurements) == 2


def test_ratios_are_to_the_first_with_as_many_threads():
    measurements = [
        measured(LONG, 4.0), measured(SHORT, 4.0), measured(LONG, 1.0, 2), measured(SHORT, 2.0, 2),
    ]
    assert ratio(measurements[3], measurements) == 4


def test_latencies_are_compared_where_the_length_of_a_segment_is_not_known():
    measurements = [measured(LONG, 4.0), measured(UNKNOWN, 12.0)]
    assert ratio(measurements[1], measurements) == 3


def test_a_table_says_machine_runs_and_numbers():
    results = Results(MACHINE, 5, [measured(LONG, 4.0), measured(SHORT, 4.0)],
                      {"long.tflite": 8.125}, {})
    machine, _, header, _, first, second = results.lines()
    assert machine == (
        "Some CPU, 8 cores, load average before 0.25; LiteRT 2.3.0; 5 runs each, in turn."
    )
    row = dict(zip(cells(header), cells(first), strict=True))
    assert row == {
        "model": "long", "runtime": "LiteRT", "threads": "1", "median (ms)": "4.00",
        "min (ms)": "4.00", "p95 (ms)": "4.00", "ratio": "1.00", "real-time factor": "0.0020",
        "file (MB)": "1.50", "memory (MB)": "2.00", "GMAC per s of audio": "0.00",
        "GMAC/s": "1.5", "SI-SDR (dB)": "8.12",
    }
    assert cells(second)[-1] == cells(second)[-2] == ""


def test_no_column_of_scores_when_nothing_is_scored():
    *_, header, _, _ = Results(MACHINE, 5, [measured(LONG, 4.0)], {}, {}).lines()
    assert "SI-SDR" not in header


def test_a_phone_has_a_table_of_its_own():
    one = PhoneMeasurement(LONG, 4, 10.0, 5.0, None, None, None, None)
    device, _, header, _, row = Results({"phone": "Pixel 9"}, 5, [one], {}, {}).lines()
    assert device.startswith("Pixel 9, benchmark_model")
    values = dict(zip(cells(header), cells(row), strict=True))
    assert values["average (ms)"] == "5.00" and values["median (ms)"] == ""
    assert values["real-time factor"] == "0.0025"


def test_the_dict_is_json_with_every_number():
    measurements = [measured(LONG, 4.0), measured(SHORT, 4.0)]
    times = OpTimes((NodeTime("Add", 1, 1.0),), 0.5)
    results = Results(MACHINE, 5, measurements, {"long.tflite": 8.125}, {"long": times})
    plain = json.loads(json.dumps(results.to_dict()))
    assert {key: plain[key] for key in MACHINE} == MACHINE
    long, short = plain["measurements"]
    assert long["median_ms"] == long["min_ms"] == 4.0
    assert long["gmacs_per_second"] == pytest.approx(1.5)
    assert (long["si_sdr"], short["si_sdr"]) == (8.125, None)
    assert (long["ratio"], short["ratio"]) == (1, 2)
    assert plain["per_op"]["long"]["covered"] == 0.5


def test_a_figure_gets_what_is_scored_with_the_first_number_of_threads():
    measurements = [measured(LONG, 4.0), measured(SHORT, 4.0), measured(LONG, 1.0, 2)]
    results = Results(MACHINE, 5, measurements, {"long.tflite": 8.125}, {})
    assert results.quality_points() == [{"name": "long", "milliseconds": 2.0, "si_sdr": 8.125}]


def test_only_the_slowest_nodes_are_shown():
    times = OpTimes(tuple(NodeTime(f"op {n}", 1, float(n)) for n in range(30)), 1.0)
    _, _, *rows = node_table(times)
    assert len(rows) == SLOWEST_NODES
    assert [cells(row)[0] for row in rows[:2]] == ["op 29", "op 28"]


def test_step_models_have_a_table_of_their_own():
    step = IdleSubject(
        name="step", runtime="LiteRT", seconds=0.016, latency=0.018, state_bytes=1234
    )
    measurements = [measured(LONG, 4.0), Measurement(step, 1, (1.0, 1.0, 2.0), 2_000_000)]
    results = Results(MACHINE, 3, measurements, {}, {})
    *_, header, _, row = results.lines()
    found = dict(zip(cells(header), cells(row), strict=True))
    assert found["streaming model"] == "step"
    assert (found["step (ms)"], found["latency (ms)"]) == ("16", "18")
    assert (found["p50 (ms)"], found["p99 (ms)"], found["step / p99"]) == ("1.000", "1.980", "8.1")
    assert (found["real-time factor"], found["state (bytes)"]) == ("0.0625", "1234")
    assert not any("streaming model" in line for line in Results(
        MACHINE, 3, measurements[:1], {}, {}).lines())
    first, second = results.to_dict()["measurements"]
    assert first["state_bytes"] is None and second["latency_seconds"] == 0.018
