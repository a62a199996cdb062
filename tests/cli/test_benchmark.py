import json
import os
import sys

import numpy as np
import pytest
import soundfile
from click.testing import CliRunner
from terminal import seen_on_terminal

from fqss_tf.benchmark import measure, training
from fqss_tf.benchmark.training import StepTimes
from fqss_tf.cli.main import main
from fqss_tf.data.manifest import mixture_of_two, write_manifest

PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"


def run(*arguments):
    return CliRunner().invoke(main, ["benchmark", *map(str, arguments)])


def assert_refused(result, message):
    assert result.exit_code == 2, result.output
    assert result.stdout == ""
    last = result.stderr.splitlines()[-1]
    assert last.lower().startswith("error: ") and message in last


def table(lines):
    """The rows of the first Markdown table as dicts."""
    start = next(number for number, line in enumerate(lines) if line.startswith("| "))
    header, _, *rows = [
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in lines[start:] if line.startswith("|")
    ]
    return [dict(zip(header, row, strict=True)) for row in rows if len(row) == len(header)]


def test_models_are_side_by_side_for_each_number_of_threads(tiny_tflite, foreign_tflite):
    result = run(tiny_tflite, foreign_tflite, "--threads", "1,2", "--runs", 3)
    assert result.exit_code == 0, result.output
    assert result.stderr == ""
    first, _, *lines = result.stdout.splitlines()
    assert "LiteRT" in first and "3 runs each" in first and "cores" in first
    rows = table(lines)
    assert [(row["model"], row["threads"]) for row in rows] == [
        (str(path), threads) for threads in "12" for path in (tiny_tflite, foreign_tflite)
    ]
    assert rows[0]["ratio"] == rows[2]["ratio"] == "1.00"
    assert rows[0]["real-time factor"] and not rows[1]["real-time factor"]
    assert len({len(line) for line in lines}) == 1


def test_json_has_the_same_models_and_nothing_else_on_stdout(tiny_tflite, tiny_float_tflite):
    result = run(tiny_tflite, tiny_float_tflite, "--runs", 2, "--json")
    report = json.loads(result.stdout)
    assert report["runs"] == 2 and report["cores"] >= 1
    integer, float32 = report["measurements"]
    assert (integer["model"], float32["model"]) == (str(tiny_tflite), str(tiny_float_tflite))
    assert integer["ratio"] == 1
    for one in (integer, float32):
        assert 0 < one["min_ms"] <= one["median_ms"] <= one["p95_ms"]
        assert one["file_bytes"] > 0 and one["macs"] > 0
    assert report["per_op"] == {}


def test_ops_have_tables_and_figures_of_their_own(tiny_tflite, mixed_tflite, tmp_path):
    plots = tmp_path / "new" / "plots"
    result = run(tiny_tflite, mixed_tflite, "--runs", 2, "--per-op", "--plots", plots)
    assert result.exit_code == 0, result.output
    lines = result.stdout.splitlines()
    begins = next(n for n, line in enumerate(lines) if line.startswith(f"{mixed_tflite}, 1 thread"))
    kinds = {row["op"]: row["computed by"] for row in table(lines[begins:])}
    assert kinds["CUMSUM"] == "LiteRT"
    assert set(kinds.values()) == {"LiteRT", "XNNPACK"}
    assert sorted(path.name for path in plots.iterdir()) == ["ops_1.png", "ops_2.png"]
    assert all(path.read_bytes().startswith(PNG_SIGNATURE) for path in plots.iterdir())


def test_quality_is_scored_where_there_is_a_description(tiny_tflite, foreign_tflite, tmp_path):
    plots = tmp_path / "plots"
    result = run(
        tiny_tflite, foreign_tflite, "--runs", 2, "--data", "bundled", "--plots", plots, "--json"
    )
    assert result.exit_code == 0, result.output
    own, foreign = json.loads(result.stdout)["measurements"]
    evaluated = CliRunner().invoke(
        main, ["evaluate", str(tiny_tflite), "--data", "bundled", "--json"]
    )
    assert own["si_sdr"] == json.loads(evaluated.stdout)["models"][0]["si_sdr"]
    assert foreign["si_sdr"] is None
    assert [path.name for path in plots.iterdir()] == ["quality.png"]


def test_the_phone_is_measured_over_adb(tiny_tflite, tmp_path, monkeypatch):
    adb = tmp_path / "bin" / "adb"
    adb.parent.mkdir()
    adb.write_text("""#!/bin/sh
case "$1 $2" in
"devices ") printf 'List of devices attached\\nR58\\tdevice\\n' ;;
"shell getprop") echo "Pixel 9" ;;
"shell /data"*) echo "Inference timings in us: Init: 1, First inference: 2, Warmup (avg): 3, \
Inference (avg): 4500" ;;
esac
""")
    adb.chmod(0o755)
    tool = tmp_path / "benchmark_model"
    tool.touch()
    monkeypatch.setenv("PATH", f"{adb.parent}:{os.environ['PATH']}")
    monkeypatch.setenv("FQSS_BENCHMARK_MODEL", str(tool))
    result = run(tiny_tflite, "--device", "adb", "--threads", 4)
    assert result.exit_code == 0, result.output
    assert result.stdout.startswith("Pixel 9, benchmark_model over adb, 50 runs each.\n")
    (row,) = table(result.stdout.splitlines())
    assert (row["average (ms)"], row["threads"]) == ("4.50", "4")
    report = json.loads(run(tiny_tflite, "--device", "adb", "--json").stdout)
    assert report["phone"] == "Pixel 9" and "cpu" not in report
    assert report["measurements"][0]["average_ms"] == 4.5


@pytest.mark.parametrize(
    "arguments, message",
    [
        (["misspelled"], "no model misspelled"),
        (["none.tflite"], "no model none.tflite"),
        (["voice-micro", "--set", "model.blcks=2"], "did you mean model.blocks?"),
        (["voice-micro", "--types", "int8,int4"], "'int4' is none of int8"),
        (["dprnn", "--data", "bundled"], "--data goes with a .tflite or a run"),
        (["TINY", "--types", "int8"], "go with a recipe"),
        (["TINY", "--naive"], "go with a recipe"),
        (["TINY", "--threads", "1,x"], "'1,x' is no list of numbers"),
        (["TINY", "--threads", "0"], "'0' is no list of numbers"),
        (["TINY", "--plots", "somewhere"], "add one"),
        (["TINY", "--data", "nowhere"], "nowhere: no such folder"),
        (["TINY", "--device", "adb", "--per-op"], "measure here only"),
        (["TINY", "--benchmark-model", "tool"], "--benchmark-model goes with --device"),
        (["UNKNOWN_OP"], "cannot be run: "),
    ],
)
def test_mistakes_are_one_line(arguments, message, tiny_tflite, unknown_op_tflite, tmp_path,
                               monkeypatch):
    monkeypatch.chdir(tmp_path)
    names = {"TINY": tiny_tflite, "UNKNOWN_OP": unknown_op_tflite}
    assert_refused(run(*(names.get(argument, argument) for argument in arguments)), message)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be_made_is_found_before_the_timing(tiny_tflite, tmp_path):
    (tmp_path / "file").touch()
    result = run(tiny_tflite, "--per-op", "--plots", tmp_path / "file" / "plots")
    assert_refused(result, "cannot make the folder")


def test_mixtures_of_another_rate_are_refused_before_the_timing(tiny_tflite, tmp_path, monkeypatch):
    for name in "ab":
        soundfile.write(tmp_path / f"{name}.wav", np.full(800, 0.1), 16000)
    write_manifest(
        tmp_path / "mixtures.csv", [mixture_of_two("0", 0.0, "a.wav", 0, 1, "b.wav", 0, 1, 800)]
    )
    monkeypatch.setattr(measure, "measure", lambda *_: pytest.fail("it was timed"))
    assert_refused(
        run(tiny_tflite, "--data", tmp_path),
        f"{tiny_tflite} works at 8000 Hz but the mixtures have 16000 Hz: give data of the model's",
    )


def test_without_adb(tiny_tflite, tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    assert_refused(run(tiny_tflite, "--device", "adb"), "adb is not on PATH")


def test_missing_pytorch_is_one_line(monkeypatch):
    monkeypatch.setitem(sys.modules, "torch", None)
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    assert_refused(run("voice-micro", "--torch"), "pip install torch")


def test_a_terminal_gets_a_progress_bar(tiny_tflite):
    seen = seen_on_terminal("benchmark", tiny_tflite, "--runs", 3)
    assert "timing with 1 thread " in seen and "100%" in seen


def test_training_steps_are_side_by_side(monkeypatch):
    asked = []

    def measured(recipe, threads, runs, progress):
        asked.append((recipe.float.batch_size, threads, runs))
        return [StepTimes("float", 4.0, (0.2, 0.4), (0.2, 0.3)),
                StepTimes("quantized", 4.0, (0.4, 0.8), (0.5, 0.5))]

    monkeypatch.setattr(training, "measure_training", measured)
    arguments = (
        "two-voices", "--training", "--runs", 2, "--threads", 3, "--set", "float.batch_size=7"
    )
    report = json.loads(run(*arguments, "--json").stdout)
    assert (report["recipe"], report["runs"], report["threads"]) == ("two-voices", 2, 3)
    assert [(step["step"], step["ratio"], step["cpu_ratio"]) for step in report["steps"]] == [
        ("float", 1, 1), ("quantized", pytest.approx(2.0), pytest.approx(2.0)),
    ]
    first, *lines = run(*arguments).stdout.splitlines()
    assert "3 threads, 2 steps each, in turn" in first
    assert [(row["step"], row["ratio"]) for row in table(lines)] == [
        ("float", "1.00"), ("quantized", "2.00"),
    ]
    assert asked == [(7, 3, 2)] * 2


@pytest.mark.parametrize("arguments", [
    ("dprnn", "two-voices"), ("dprnn", "--threads", "1,2"), ("dprnn", "--data", "bundled"),
    ("dprnn", "--types", "int8"),
])
def test_training_goes_with_one_recipe_alone(arguments):
    assert_refused(run(*arguments, "--training"), "--training takes one recipe")


def test_training_of_a_file_is_refused(tiny_tflite):
    assert_refused(run(tiny_tflite, "--training"), str(tiny_tflite))
