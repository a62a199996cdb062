"""A published checkpoint where training asks for a run with a trained float network."""

from functools import cached_property
from pathlib import Path

from fqss_tf.config import Recipe
from fqss_tf.importing.checkpoint import is_checkpoint
from fqss_tf.importing.importer import Imported, read_published
from fqss_tf.models.registry import build
from fqss_tf.models.waveform_weights import assign
from fqss_tf.training.run import Run
from fqss_tf.types import KerasModel, PathLike


def float_source(path: PathLike | None) -> "PathLike | PublishedRun | None":
    """``path`` as ``train`` takes its teacher: itself, or the PublishedRun of a checkpoint.

    Args:
        path: run folder; what ``fqss_tf.importing.checkpoint.read_checkpoint`` takes; or None.
    """
    return PublishedRun(path) if path is not None and is_checkpoint(path) else path


class PublishedRun(Run):
    """A checkpoint as the run that ``fqss-tf import`` would make of it, without the folder.

    It is read when it is used: not where a run is resumed that has its float weights already.
    """

    def __init__(self, path: PathLike) -> None:
        self.folder = Path(path)
        self.method = "fqss"

    @cached_property
    def _imported(self) -> Imported:
        return read_published(self.folder)

    # Attributes of a Run: here they wait until the file is read.
    @property
    def recipe(self) -> Recipe:  # type: ignore[override]
        """The recipe of the run; raises FqssError as ``read_published``."""
        return self._imported.recipe

    @property
    def publisher(self) -> str:  # type: ignore[override]
        """Who published the checkpoint; raises FqssError as ``read_published``."""
        return self._imported.publisher

    def float_model(self) -> KerasModel:
        """The published network.

        Raises:
            FqssError: as ``read_published``.
        """
        model = build(self.recipe.model)
        assign(model, self._imported.weights)
        return model
