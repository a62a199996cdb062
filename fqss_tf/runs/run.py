"""The models of a run folder."""

from pathlib import Path

from fqss_tf.config import Recipe
from fqss_tf.models.registry import build
from fqss_tf.runs.base import BaseRun
from fqss_tf.runs.folder import RunFolder
from fqss_tf.runs.weights import load_weights
from fqss_tf.types import KerasModel, PathLike


class Run(BaseRun):
    """An existing run folder. ``files``: what lies in it.

    Raises:
        FqssError: the folder is not a run of ``fqss-tf train``.
    """

    def __init__(self, folder: PathLike) -> None:
        self.files = RunFolder(folder)

    @property
    def folder(self) -> Path:
        """Where it lies."""
        return self.files.path

    @property
    def name(self) -> str:
        """The folder."""
        return str(self.folder)

    @property
    def recipe(self) -> Recipe:
        """Everything that decides how it is trained."""
        return self.files.recipe

    @property
    def method(self) -> str:
        """``fqss`` or ``qat``."""
        return self.files.method

    @property
    def publisher(self) -> str | None:
        """Of the checkpoint that the run was imported from, or None."""
        return self.files.publisher

    @property
    def is_quantized(self) -> bool:
        """Whether the quantized stage is done."""
        return self.files.quantized_weights.exists()

    def float_model(self) -> KerasModel:
        """Loads the trained float network, with batch norms and PReLU slopes as they are.

        Raises:
            FqssError: it is not trained yet.
        """
        self.files.check_float()
        model = build(self.config)
        load_weights(model, self.files.float_weights)
        return model

    def quantized_model(self) -> KerasModel:
        """Loads the trained quantized network, simulated in float."""
        model = self.uncalibrated_model(self.planes)
        load_weights(model, self.files.quantized_weights)
        return model


def load_model(folder: PathLike) -> KerasModel:
    """Loads the Keras model of a run: the quantized one if it has been trained, else the float one.

    Maps float32 mixtures ``[B, 1, T, 1]`` of peak 1, T a multiple of the hop, to estimates
    ``[B, S, T, 1]``. The float model of an imported run takes and gives what the published network
    does (``fqss_tf.models.published_shapes``), for any T.

    Raises:
        FqssError: not a run folder, or nothing trained in it yet.
    """
    run = Run(folder)
    if run.publisher is not None and not run.is_quantized:
        from fqss_tf.models.published_shapes import published_form

        return published_form(run.float_model(), run.config, run.publisher)
    return run.model()
