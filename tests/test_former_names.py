import dataclasses
import json

import numpy as np
import pytest
import yaml

from fqss_tf.config import load_recipe, save_recipe
from fqss_tf.former_names import RECIPE_KEYS, RECIPES, RUN_FILES
from fqss_tf.runs.run import Run

FORMER = """
data: {roots: [here], noise_roots: [there], broken: skip}
model: {residual: frames}
quantisation: {input_stages: 3, output_stages: 1, observe_steps: 7}
"""


def test_recipes_of_earlier_versions_are_read(tmp_path):
    (tmp_path / "former.yaml").write_text(FORMER)
    recipe = load_recipe(tmp_path / "former.yaml", ["quantisation.recompute=false"])
    assert (recipe.data.datasets, recipe.data.noise_datasets) == (("here",), ("there",))
    assert recipe.data.on_bad_file == "skip"
    found = recipe.quantization
    assert (found.input_planes, found.output_planes, found.calibration_steps) == (3, 1, 7)
    assert (found.residual, found.recompute) == ("frames", False)
    assert load_recipe("two-voices", ["data.roots=[x]"]).data.datasets == ("x",)


@pytest.mark.parametrize("former, name", RECIPES.items())
def test_a_recipe_may_have_a_base_of_a_former_name(former, name, tmp_path):
    (tmp_path / "own.yaml").write_text(f"base: {former}\nseed: 7")
    assert load_recipe(tmp_path / "own.yaml") == load_recipe(name, ["seed=7"])


def test_every_former_key_has_a_key_of_today():
    recipe = dataclasses.asdict(load_recipe("two-voices"))
    for key in RECIPE_KEYS.values():
        section, _, name = key.partition(".")
        assert name in recipe[section] or not name


def test_run_folders_of_earlier_versions_are_read(tmp_path):
    save_recipe(load_recipe("two-voices"), tmp_path / "recipe.yaml")
    values = yaml.safe_load((tmp_path / "recipe.yaml").read_text())
    values["quantisation"] = values.pop("quantization")
    del values["quantisation"]["residual"]
    (tmp_path / "recipe.yaml").write_text(yaml.safe_dump(values))
    (tmp_path / "run.json").write_text(json.dumps({"method": "fqss"}))
    assert not Run(tmp_path).is_quantized
    assert Run(tmp_path).recipe.quantization.residual == "exact"
    for former in RUN_FILES.values():
        np.savez(tmp_path / former)
    assert Run(tmp_path).is_quantized
    assert Run(tmp_path).recipe.quantization.residual == "samples"
