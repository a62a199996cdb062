"""A published checkpoint where training asks for a run with a trained float network."""

from functools import cached_property

from fqss_tf.config import Recipe
from fqss_tf.importing.checkpoint import is_checkpoint
from fqss_tf.importing.importer import Imported, read_published
from fqss_tf.models.registry import build
from fqss_tf.models.waveform_weights import assign
from fqss_tf.runs.base import BaseRun
from fqss_tf.types import KerasModel, PathLike


def float_source(path: PathLike | None) -> "PathLike | PublishedRun | None":
    """``path`` as ``train`` takes its teacher: itself, or the PublishedRun of a checkpoint.

    Args:
        path: run folder; what ``fqss_tf.importing.checkpoint.read_checkpoint`` takes; or None.
    """
    return PublishedRun(path) if path is not None and is_checkpoint(path) else path


class PublishedRun(BaseRun):
    """A checkpoint as the run that ``fqss-tf import`` would make of it, without the folder.

    It is read when it is used: not where a run is resumed that has its float weights already.
    What reads it raises FqssError as ``read_published`` does.
    """

    def __init__(self, path: PathLike) -> None:
        self._path = path

    @cached_property
    def _imported(self) -> Imported:
        return read_published(self._path)

    @property
    def name(self) -> str:
        """The checkpoint."""
        return str(self._path)

    @property
    def recipe(self) -> Recipe:
        """The recipe of the run."""
        return self._imported.recipe

    @property
    def method(self) -> str:
        """``fqss``, as of an imported run."""
        return "fqss"

    @property
    def publisher(self) -> str:
        """Who published the checkpoint."""
        return self._imported.publisher

    def float_model(self) -> KerasModel:
        """The published network."""
        model = build(self.recipe.model)
        assign(model, self._imported.weights)
        return model
