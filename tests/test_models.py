"""The models that ship are the ones that their cards describe."""

import hashlib
import json
from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[1] / "tflite_models"


def card():
    return (FOLDER / "README.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.tflite")), ids=lambda path: path.stem)
def test_the_card_and_the_sidecar_name_the_file(path):
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    assert json.loads(path.with_suffix(".json").read_text())["sha256"] == digest
    _, described = card().split(f"## {path.name}\n")
    assert f"`{digest}`" in described.split("\n## ")[0]


def test_every_card_is_of_a_file():
    names = {line[3:] for line in card().splitlines() if line.endswith(".tflite")}
    assert names == {path.name for path in FOLDER.glob("*.tflite")}
