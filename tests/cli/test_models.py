import json

import pytest
from click.testing import CliRunner

from fqss_tf.cli.main import main
from fqss_tf.tflite.cards import card


def run(*arguments):
    return CliRunner().invoke(main, ["models", *arguments])


def test_a_table_lists_the_models(toy_ships):
    result = run()
    assert result.exit_code == 0, result.output
    header, plain, toy = result.stdout.splitlines()
    assert header.startswith("name ") and plain.startswith("plain ")
    cells = {"for": "recordings", "rate": "8000 Hz", "latency": "100 ms", "task": "two toys",
             "SI-SDR improvement": "12.50 dB", "trained on (license)": "noise (CC0)"}
    for title, cell in cells.items():
        assert toy.startswith(cell, header.index(title))


def test_json_has_the_same_facts(toy_ships):
    plain, toy = json.loads(run("--json").stdout)
    assert (plain["name"], plain["has_float"]) == ("plain", False)
    assert (toy["si_sdri"], toy["latency_ms"], toy["sources"]) == (
        12.5, 100.0, ["speech_1", "speech_2"]
    )
    assert json.loads(run("toy", "--json").stdout) == toy


def test_a_name_prints_its_card(toy_ships):
    assert run("toy").stdout == card("toy")


@pytest.mark.parametrize("options", [[], ["--json"]])
def test_an_unknown_name_is_one_line(toy_ships, options):
    result = run("toi", *options)
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr == "error: no model toi: give one of plain, toy\n"
