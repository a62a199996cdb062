"""The float network of a model that ships, as a run to start from."""

import json
from functools import cached_property

from fqss_tf.config import Recipe, recipe_of
from fqss_tf.errors import FqssError
from fqss_tf.models.registry import build
from fqss_tf.runs.base import BaseRun
from fqss_tf.runs.weights import load_weights
from fqss_tf.tflite.shipped import list_float_models, shipped_file
from fqss_tf.types import KerasModel


class ShippedRun(BaseRun):
    """The weights ``NAME.npz`` beside a model that ships; the recipe is that of its ``NAME.json``.

    They are read when they are used: not where a run is resumed that has its float weights already.
    What reads them raises FqssError if there are none of that name.

    Args:
        name: of the model.
    """

    def __init__(self, name: str) -> None:
        self._name = name

    @property
    def name(self) -> str:
        """The model."""
        return self._name

    @cached_property
    def recipe(self) -> Recipe:
        """The recipe of the model."""
        if self.name not in list_float_models():
            raise FqssError(
                f"no float network {self.name}: give a run folder, a checkpoint or a model that "
                f"ships with its float network: {', '.join(list_float_models()) or 'none does yet'}"
            )
        return recipe_of(json.loads(shipped_file(self.name, ".json").read_bytes())["recipe"])

    @property
    def method(self) -> str:
        """``fqss``: its 8-bit form ships."""
        return "fqss"

    def float_model(self) -> KerasModel:
        """The float network that ships."""
        model = build(self.recipe.model)
        load_weights(model, shipped_file(self.name, ".npz"))
        return model
