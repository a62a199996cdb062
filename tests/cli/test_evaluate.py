import csv
import json

import numpy as np
import pytest
import soundfile
from click.testing import CliRunner
from data_trees import make_librimix
from terminal import seen_on_terminal

from fqss_tf.cli.evaluate import _known
from fqss_tf.cli.main import main
from fqss_tf.data.manifest import mixture_of_two, write_manifest
from fqss_tf.evaluation import load_mixtures
from fqss_tf.metrics import si_sdr

ENTRIES = [
    mixture_of_two("loud_first", 6.0, "a.wav", 0, 0.8, "b.wav", 0, 0.4, 1000),
    mixture_of_two("loud_second", -12.0, "a.wav", 0, 0.2, "b.wav", 0, 0.8, 900),
]
COLUMNS = [
    "model", "mixture_id", "level_difference", "si_sdr_1", "si_sdr_2", "si_sdr", "si_sdri",
    "stronger_si_sdr", "weaker_si_sdr",
]


def run(*arguments):
    return CliRunner().invoke(main, ["evaluate", *map(str, arguments)])


def write_data(folder, rate=8000):
    folder.mkdir()
    for seed, name in enumerate(["a.wav", "b.wav"]):
        wave = np.random.default_rng(seed).uniform(-0.5, 0.5, 1000)
        soundfile.write(folder / name, wave, rate)
    write_manifest(folder / "mixtures.csv", ENTRIES)
    write_manifest(folder / "sweep.csv", ENTRIES[:1])
    return folder


@pytest.fixture
def data(tmp_path):
    return write_data(tmp_path / "data")


def assert_refused(result, message):
    assert result.exit_code == 2, result.output
    assert result.stdout == ""
    (line,) = result.stderr.splitlines()
    assert line.startswith("error: ") and message in line


def test_table_compares_every_model_to_the_first(tiny_float_tflite, tiny_tflite, data):
    result = run(tiny_float_tflite, tiny_tflite, "--data", data)
    assert result.exit_code == 0, result.output
    assert result.stderr == ""
    header, *rows = result.stdout.splitlines()
    for title in ("model", "SI-SDR (dB)", "improvement (dB)", "difference (dB)"):
        assert title in header
    assert header.endswith("real-time factor")
    first, second = (row.split() for row in rows)
    assert [first[0], second[0]] == [str(tiny_float_tflite), str(tiny_tflite)]
    assert first[3] == "+0.00"
    assert float(second[3]) == pytest.approx(float(second[1]) - float(first[1]), abs=0.011)
    assert len({len(line) for line in (header, *rows)}) == 1


def test_csv_holds_the_scores_of_every_mixture(tiny_float_tflite, tiny_tflite, data, tmp_path):
    target = tmp_path / "scores.csv"
    result = run(tiny_float_tflite, tiny_tflite, "--data", data, "--csv", target)
    assert result.exit_code == 0, result.output
    with open(target, newline="") as file:
        header, *rows = csv.reader(file)
    assert header == COLUMNS
    assert [(row[0], row[1]) for row in rows] == [
        (str(model), entry.mixture_id)
        for model in (tiny_float_tflite, tiny_tflite) for entry in ENTRIES
    ]
    mixtures, _ = load_mixtures(data)
    for row, (_, level_difference, mixture, sources) in zip(rows, mixtures, strict=False):
        # The toy's estimates are the mixture.
        first, second = (float(si_sdr(mixture, source)) for source in sources)
        stronger, weaker = max(first, second), min(first, second)
        expected = [
            level_difference, first, second, (first + second) / 2, 0, stronger, weaker,
        ]
        assert [float(value) for value in row[2:]] == pytest.approx(expected, abs=1e-3)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["data", "scores.csv"]


def test_csv_has_a_column_for_each_of_three_sources(tmp_path):
    from fqss_tf.config import load_recipe
    from fqss_tf.models.registry import build
    from fqss_tf.runs.folder import FLOAT_WEIGHTS, RunFolder
    from fqss_tf.runs.weights import save_weights

    sizes = {"filters": 32, "bottleneck": 8, "skip": 8, "hidden": 16, "blocks": 1, "repeats": 1}
    recipe = load_recipe(
        "two-voices", [f"model.{key}={value}" for key, value in sizes.items()] + ["model.sources=3"]
    )
    folder = RunFolder.create(tmp_path / "run", recipe, "fqss").path
    save_weights(build(recipe.model), folder / FLOAT_WEIGHTS)
    make_librimix(tmp_path / "set", ("test",), sources=3)
    target = tmp_path / "scores.csv"
    result = run(folder, "--data", tmp_path / "set", "--csv", target)
    assert result.exit_code == 0, result.output
    with open(target, newline="") as file:
        header, *rows = csv.reader(file)
    assert header == [
        "model", "mixture_id", "level_difference", "si_sdr_1", "si_sdr_2", "si_sdr_3", "si_sdr",
        "si_sdri",
    ]
    assert len(rows) == 3
    for row in rows:
        *of_sources, mean, _ = map(float, row[3:])
        assert np.mean(of_sources) == pytest.approx(mean, abs=1e-3)
    absent = run(folder, "--data", tmp_path / "set", "--manifest", "absent.csv")
    assert absent.exit_code == 2 and "absent.csv" in absent.stderr


def test_json_is_valid_and_agrees_with_the_csv(tiny_float_tflite, tiny_tflite, data, tmp_path):
    target = tmp_path / "scores.csv"
    result = run(tiny_float_tflite, tiny_tflite, "--data", data, "--csv", target, "--json")
    report = json.loads(result.stdout)
    assert report["mixtures"] == 2
    with open(target, newline="") as file:
        rows = list(csv.DictReader(file))
    for model in report["models"]:
        own = [row for row in rows if row["model"] == model["model"]]
        for key in ("si_sdr", "si_sdri"):
            mean = np.mean([float(row[key]) for row in own])
            assert model[key] == pytest.approx(mean, abs=1e-3)
        assert model["real_time_factor"] > 0
    first, second = report["models"]
    assert first["difference"] == 0
    assert second["difference"] == pytest.approx(second["si_sdr"] - first["si_sdr"])


def test_another_manifest_and_threads(tiny_tflite, data):
    result = run(
        tiny_tflite, "--data", data, "--manifest", "sweep.csv", "--threads", 2, "--json"
    )
    assert json.loads(result.stdout)["mixtures"] == 1


def test_a_sweep_of_levels_has_a_table_of_its_own(tiny_float_tflite, tiny_tflite, data):
    write_manifest(data / "levels.csv", [
        mixture_of_two(f"{number}_{level}", level, "a.wav", number, 0.5, "b.wav", 0, 0.1, 900)
        for number in range(2) for level in (0, 10, 20, 30)
    ])
    result = run(tiny_float_tflite, tiny_tflite, "--data", data, "--manifest", "levels.csv")
    assert result.exit_code == 0, result.output
    title, levels, *lines = result.stdout.splitlines()[-4:]
    assert "stronger / weaker" in title and levels.endswith("30 dB")
    assert [line.split()[0] for line in lines] == [str(tiny_float_tflite), str(tiny_tflite)]
    assert [line.count("/ ") for line in lines] == [4, 4]


def test_the_bundled_audio_needs_no_folder(tiny_tflite):
    result = run(tiny_tflite, "--data", "bundled", "--json")
    assert json.loads(result.stdout)["mixtures"] == 24


def test_a_terminal_gets_a_progress_bar(tiny_tflite, data):
    seen = seen_on_terminal("evaluate", tiny_tflite, "--data", data)
    assert "evaluating" in seen and "100%" in seen


def test_a_missing_manifest_is_refused(tiny_tflite, data):
    result = run(tiny_tflite, "--data", data, "--manifest", "other.csv")
    assert_refused(result, f"no other.csv in {data / 'test'} or {data}")


def test_a_missing_model_is_refused(tmp_path, data):
    assert_refused(run(tmp_path / "no.tflite", "--data", data), "no.tflite")


def test_mixtures_of_another_rate_are_refused(tiny_tflite, tmp_path):
    data = write_data(tmp_path / "fast", rate=16000)
    assert_refused(run(tiny_tflite, "--data", data), "the mixtures have 16000 Hz")


def test_a_csv_in_no_folder_is_refused_before_the_work(tiny_tflite, data, tmp_path):
    target = tmp_path / "absent" / "scores.csv"
    assert_refused(run(tiny_tflite, "--data", data, "--csv", target), str(target))


def test_a_failure_leaves_an_earlier_csv_alone(foreign_tflite, data, tmp_path):
    target = tmp_path / "scores.csv"
    target.write_text("old")
    result = run(foreign_tflite, "--data", data, "--csv", target)
    assert_refused(result, "not an fqss-tf model")
    assert target.read_text() == "old"


def test_scores_that_are_not_known_are_null():
    assert _known({"a": [1.5, float("nan")], "b": {"c": -float("inf")}, "d": "text"}) == {
        "a": [1.5, None], "b": {"c": None}, "d": "text"
    }
