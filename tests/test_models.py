"""The models that ship have what the package and the readers of their folder expect."""

import hashlib
import json
from pathlib import Path

import pytest

from fqss_tf.config import packaged_recipes, recipe_of
from fqss_tf.tflite.cards import card, describe
from fqss_tf.tflite.shipped import list_float_models, list_models

FOLDER = Path(__file__).parents[1] / "tflite_models"


@pytest.mark.parametrize("name", list_models())
def test_a_model_has_a_sidecar_and_a_card(name):
    values = json.loads((FOLDER / f"{name}.json").read_text())
    digest = hashlib.sha256((FOLDER / f"{name}.tflite").read_bytes()).hexdigest()
    assert (values["model"], values["sha256"]) == (f"{name}.tflite", digest)
    assert recipe_of(values["recipe"]).network in packaged_recipes()
    assert card(name).startswith(f"# {name}\n")
    found = describe(name)
    assert found.task and found.data and 0 < found.si_sdri < 40


def test_every_file_is_of_a_model_and_the_page_lists_each():
    page = (FOLDER / "README.md").read_text(encoding="utf-8")
    stems = {path.stem for path in FOLDER.iterdir()} - {"README"}
    assert stems == set(list_models())
    assert all(f"| `{name}` | [{name}.md]({name}.md) |" in page for name in list_models())


def test_float_weights_are_of_the_recipe():
    from fqss_tf.runs.shipped import ShippedRun

    for name in list_float_models():
        ShippedRun(name).float_model()


@pytest.mark.parametrize("name", list_models())
def test_no_relu_is_an_op_of_its_own(name):
    from fqss_tf.tflite import TfliteFile

    assert all(op.name != "RELU" for op in TfliteFile.open(name).report.ops)
