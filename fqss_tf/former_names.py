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
}
RUN_FILES = {"quantized.npz": "quantised.npz", "calibrated.npz": "observed.npz"}


def renamed_key(key: str) -> str:
    """Returns today's name of a dotted recipe key."""
    section, dot, rest = key.partition(".")
    key = RECIPE_KEYS.get(section, section) + dot + rest
    return RECIPE_KEYS.get(key, key)


def renamed(recipe: dict[Any, Any]) -> Json:
    """Returns a recipe, as YAML gives it, with today's names in place of former ones."""
    named = {}
    for section, values in recipe.items():
        if isinstance(values, dict):
            values = {
                renamed_key(f"{section}.{key}").partition(".")[2]: value
                for key, value in values.items()
            }
        named[renamed_key(str(section))] = values
    return named


def run_file(folder: Path, name: str) -> Path:
    """Returns the path of a file of a run, under the name that it has in this folder.

    If it is not there, the name is today's.
    """
    former = folder / RUN_FILES.get(name, name)
    return former if former.exists() and not (folder / name).exists() else folder / name
