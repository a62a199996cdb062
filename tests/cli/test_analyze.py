import json

import numpy as np
import pytest
import soundfile
from click.testing import CliRunner

from fqss_tf.cli.main import main
from fqss_tf.data.manifest import mixture_of_two, write_manifest


def run(*arguments):
    return CliRunner().invoke(main, ["analyze", *map(str, arguments)])


@pytest.fixture
def data(tmp_path):
    folder = tmp_path / "data"
    folder.mkdir()
    for seed, name in enumerate(["a.wav", "b.wav"]):
        wave = np.random.default_rng(seed).uniform(-0.5, 0.5, 4000)
        soundfile.write(folder / name, wave, 8000)
    write_manifest(
        folder / "sweep.csv",
        [mixture_of_two(name, 6.0, "a.wav", 0, 0.8, "b.wav", 0, 0.4, 4000) for name in "abc"],
    )
    return folder


def test_advice_or_json_is_printed_and_the_folder_written(tflite_files, data, tmp_path):
    options = ["--data", data, "--manifest", "sweep.csv", "--least-sdr", -100]
    plain = run(*tflite_files, *options, "--output", tmp_path / "plain")
    assert plain.exit_code == 0, plain.output
    assert "| model " in plain.stdout and f"| {tflite_files[1]} " in plain.stdout
    assert "ptq.tflite: farthest from the float layers" in plain.stdout
    assert plain.stdout.splitlines()[-1] == f"report: {tmp_path / 'plain' / 'report.html'}"
    as_json = run(
        *tflite_files, *options, "--utterances", 2, "--output", tmp_path / "json", "--json"
    )
    stored = (tmp_path / "json" / "analysis.json").read_text()
    assert json.loads(as_json.stdout) == json.loads(stored)
    lines = (tmp_path / "json" / "files.csv").read_text().splitlines()[1:]
    assert {line.split(",")[2] for line in lines} == {"a", "c"}
    assert {row["method"] for row in json.loads(stored)["files"]} == {"ptq", "untrained"}


def test_mistakes_are_one_line_and_write_nothing(tflite_files, data, tmp_path):
    output = tmp_path / "out"
    for arguments, message in (
        ([*tflite_files, "--data", data], "is no data set"),
        ([tflite_files[1], "--data", data, "--manifest", "sweep.csv"], "one float32 file"),
        ([*tflite_files, "--data", data, "--manifest", "sweep.csv", "--least-sdr", 99], "99 dB"),
        ([tmp_path / "none", "--data", data, "--manifest", "sweep.csv"], "no model"),
    ):
        result = run(*arguments, "--output", output)
        assert result.exit_code == 2, result.output
        (line,) = result.stderr.splitlines()
        assert line.startswith("error: ") and message in line
        assert not output.exists()


def test_a_folder_in_use_is_refused(tflite_files, data):
    result = run(*tflite_files, "--data", data, "--manifest", "sweep.csv", "--output", data)
    assert result.exit_code == 2 and "is not empty" in result.stderr
    assert sorted(path.name for path in data.iterdir()) == ["a.wav", "b.wav", "sweep.csv"]
