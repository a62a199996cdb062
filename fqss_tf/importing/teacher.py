"""What training can start from where it asks for a run with a trained float network."""

from functools import cached_property
from pathlib import Path

from fqss_tf.config import Recipe
from fqss_tf.importing.checkpoint import is_checkpoint
from fqss_tf.importing.importer import Imported, read_published
from fqss_tf.models.registry import build
from fqss_tf.models.waveform_weights import assign
from fqss_tf.runs.base import BaseRun
from fqss_tf.runs.shipped import ShippedRun
from fqss_tf.types import KerasModel, PathLike


def float_source(source: PathLike | None) -> PathLike | BaseRun | None:
    """``source`` as ``train`` takes its teacher: a path of a run folder, or a run without one.

    Args:
        source: run folder; what ``fqss_tf.importing.checkpoint.read_checkpoint`` takes; name of a
            model that ships; or None.
    """
    if source is None:
        return None
    if is_checkpoint(source):
        return PublishedRun(source)
    path = Path(source)
    is_name = len(path.parts) == 1 and not path.exists()
    return ShippedRun(path.name) if is_name else source


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
    def tells_rate(self) -> bool:
        """Whether the checkpoint states its rate."""
        return self._imported.tells_rate

    @property
    def publisher(self) -> str:
        """Who published the checkpoint."""
        return self._imported.publisher

    def float_model(self) -> KerasModel:
        """The published network."""
        model = build(self.recipe.model)
        assign(model, self._imported.weights)
        return model
