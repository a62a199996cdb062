"""Names that recipes and run folders had in earlier versions, and still may have."""

from pathlib import Path
from typing import Any

from fqss_tf.types import Json

RECIPE_KEYS = {
    "quantisation": "quantization",
    "quantization.input_stages": "quantization.input_planes",
    "quantization.output_stages": "quantization.output_planes",
    "quantization.observe_steps": "quantization.calibration_steps",
    "data.roots": "data.datasets",
    "data.noise_roots": "data.noise_datasets",
    "data.broken": "data.on_bad_file",
    "data.stems": "data.sources",
    "model.residual": "quantization.residual",
}
# As the base of a recipe of somebody.
RECIPES = {"mobile": "two-voices", "mobile-causal": "two-voices-stream"}
RUN_FILES = {"quantized.npz": "quantised.npz", "calibrated.npz": "observed.npz"}


def renamed_key(key: str) -> str:
    """Returns today's name of a dotted recipe key."""
    section, dot, rest = key.partition(".")
    key = RECIPE_KEYS.get(section, section) + dot + rest
    return RECIPE_KEYS.get(key, key)


def renamed(recipe: dict[Any, Any]) -> Json:
    """Returns a recipe, as YAML gives it, with today's names in place of former ones."""
    named: Json = {}
    for section, values in recipe.items():
        if not isinstance(values, dict):
            is_base = section == "base" and isinstance(values, str)
            named[renamed_key(str(section))] = RECIPES.get(values, values) if is_base else values
            continue
        named.setdefault(renamed_key(str(section)), {})
        for key, value in values.items():
            part, _, name = renamed_key(f"{section}.{key}").partition(".")
            named.setdefault(part, {})[name] = value
    return named


def run_settings(folder: Path) -> list[str]:
    """Returns what the recipe of a run folder leaves out, because there was no choice then."""
    quantized = any(run_file(folder, name).exists() for name in RUN_FILES)
    text = (folder / "recipe.yaml").read_text(encoding="utf-8", errors="replace")
    return ["quantization.residual=samples"] if quantized and "residual:" not in text else []


def run_file(folder: Path, name: str) -> Path:
    """Returns the path of a file of a run, under the name that it has in this folder.

    If it is not there, the name is today's.
    """
    former = folder / RUN_FILES.get(name, name)
    return former if former.exists() and not (folder / name).exists() else folder / name
