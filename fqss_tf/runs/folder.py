"""A run folder: the whole recipe, the log, and the weights of each stage. No TensorFlow."""

import csv
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

from fqss_tf.config import Recipe, load_recipe, save_recipe
from fqss_tf.errors import FqssError
from fqss_tf.files import atomic_path
from fqss_tf.former_names import run_file, run_settings
from fqss_tf.types import Json, PathLike

METHODS = ("fqss", "qat")
FLOAT_WEIGHTS = "float.npz"


class RunFolder:
    """An existing run folder.

    ``publisher``: of the checkpoint that it was imported from, or None. ``started_from``: paths of
    its ``teacher`` or ``initial`` network, where it has one, or names of models that ship.

    Raises:
        FqssError: the folder is not a run of ``fqss-tf train``.
    """

    def __init__(self, path: PathLike) -> None:
        self.path = Path(path)
        if not (self.path / "recipe.yaml").is_file():
            raise FqssError(f"{path} is not a run folder: fqss-tf train makes one")
        self.recipe = load_recipe(self.path / "recipe.yaml", run_settings(self.path))
        try:
            description = json.loads((self.path / "run.json").read_text())
            self.method: str = description["method"]
            self.publisher: str | None = description.get("imported", {}).get("publisher")
            self.started_from: dict[str, str] = description.get("started_from", {})
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise FqssError(f"{path} is not a run folder: its run.json cannot be read") from error

    @classmethod
    def create(
        cls, path: PathLike, recipe: Recipe, method: str, resume: bool = False,
        started_from: Mapping[str, str] | None = None,
    ) -> "RunFolder":
        """Makes a run folder, or opens it to resume; the recipe must then be the same.

        A new one notes what it was ``started_from``.

        Raises:
            FqssError: the folder has a run already, or one of another recipe or method.
        """
        path = Path(path)
        if not (path / "recipe.yaml").exists():
            path.mkdir(parents=True, exist_ok=True)
            noted = {"started_from": dict(started_from)} if started_from else {}
            describe_run(path, recipe, {"method": method} | noted)
            return cls(path)
        folder = cls(path)
        if not resume:
            raise FqssError(f"{path} holds a run already: add --resume or choose another")
        if folder.recipe != recipe or folder.method != method:
            raise FqssError(f"{path} was started with other settings: repeat them to resume")
        return folder

    @property
    def float_weights(self) -> Path:
        """Weights of the trained float network."""
        return self.path / FLOAT_WEIGHTS

    @property
    def calibrated_weights(self) -> Path:
        """Weights that the quantized stage begins with."""
        return run_file(self.path, "calibrated.npz")

    @property
    def quantized_weights(self) -> Path:
        """Weights of the trained quantized network."""
        return run_file(self.path, "quantized.npz")

    @property
    def fixed_batches(self) -> Path:
        """Folder of the batches that the quantized stage repeats, while it runs."""
        return self.path / "fixed_batches"

    def check_float(self) -> None:
        """Checks that the float stage is done.

        Raises:
            FqssError: it is not.
        """
        if not self.float_weights.exists():
            raise FqssError(
                f"{self.path} has no finished model yet: continue with fqss-tf train --resume"
            )

    def kept_step(self, stage: Literal["float", "qat"]) -> int:
        """Reads the step of stage ``float`` or ``qat`` whose weights were best on the dev set."""
        with (self.path / "log.csv").open(newline="") as file:
            rows = [row for row in csv.DictReader(file) if row["stage"] == stage]
        return int(max(rows, key=lambda row: float(row["dev_si_sdr"]))["step"])


def describe_run(path: Path, recipe: Recipe, description: Json) -> None:
    """Writes what a RunFolder reads: the whole recipe, and ``description`` with its ``method``."""
    with atomic_path(path / "run.json") as temporary:
        temporary.write_text(json.dumps(description, indent=1))
    save_recipe(recipe, path / "recipe.yaml")
