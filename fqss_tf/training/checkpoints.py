"""Everything that decides the next steps of a stage, in one file that is replaced as a whole.

The checkpoint is the truth. log.csv and the best weights are written beside it for people, and
are made to agree with it when a stage resumes: a kill between two files then does no harm.
"""

import dataclasses
from collections.abc import Mapping
from pathlib import Path

from numpy.typing import ArrayLike

from fqss_tf.errors import FqssError
from fqss_tf.runs.weights import (
    assign_arrays,
    named_variables,
    read_arrays,
    weights_of,
    write_arrays,
)
from fqss_tf.types import Arrays, KerasModel, Optimizer, Variable


@dataclasses.dataclass
class Progress:
    """Where a stage is. ``best`` is in dB, ``seconds`` is time spent in training.

    ``loss_sum`` and ``loss_count`` are of the steps since the last evaluation, ``skipped`` counts
    all steps without an update and ``skipped_in_a_row`` those since the last update.
    """

    step: int = 0
    best: float = -float("inf")
    best_step: int = 0
    evaluations_without_gain: int = 0
    plateau_factor: float = 1.0
    plateau_waited: int = 0
    loss_sum: float = 0.0
    loss_count: int = 0
    skipped: int = 0
    skipped_in_a_row: int = 0
    seconds: float = 0.0


def checkpoint_path(run: Path, stage: str) -> Path:
    """Returns where a run folder keeps the checkpoint of a stage, ``float`` or ``qat``."""
    return run / "checkpoints" / f"{stage}.npz"


class Checkpoint:
    """Saves and restores a model in training, its optimizer and a Progress.

    Args:
        path: of the ``.npz`` file.
        model: Keras model.
        optimizer: Keras optimizer, built.
    """

    def __init__(self, path: Path, model: KerasModel, optimizer: Optimizer) -> None:
        self.path = path
        self._model = model
        self._optimizer = optimizer

    def arrays(self, progress: Progress, best_weights: Arrays) -> dict[str, ArrayLike]:
        """Returns what :meth:`save` writes.

        On several workers all must ask for it, and one writes.
        """
        return {
            **{f"model/{name}": value for name, value in weights_of(self._model).items()},
            **{f"best/{name}": value for name, value in best_weights.items()},
            **{name: variable.numpy() for name, variable in self._optimizer_variables().items()},
            **{f"progress/{name}": value for name, value in dataclasses.asdict(progress).items()},
        }

    def save(self, arrays: Mapping[str, ArrayLike]) -> None:
        """Writes what :meth:`arrays` gave."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        write_arrays(arrays, self.path)

    def restore(self) -> tuple[Progress, Arrays]:
        """Sets model and optimizer from the file.

        Returns:
            (Progress, best weights by name).

        Raises:
            FqssError: the file is broken, or of another network.
        """
        arrays = read_arrays(self.path)
        variables = {f"model/{name}": v for name, v in named_variables(self._model).items()}
        assign_arrays(variables | self._optimizer_variables(), arrays, self.path)
        best_weights = {
            name.removeprefix("best/"): value
            for name, value in arrays.items() if name.startswith("best/")
        }
        progress = Progress()
        for field in dataclasses.fields(Progress):
            if f"progress/{field.name}" not in arrays:
                raise FqssError(f"{self.path} is no checkpoint: it has no {field.name}")
            setattr(progress, field.name, arrays[f"progress/{field.name}"].item())
        return progress, best_weights

    def _optimizer_variables(self) -> dict[str, Variable]:
        # Their names repeat: a depthwise and a pointwise kernel are both called kernel.
        return {f"optimizer/{i}": v for i, v in enumerate(self._optimizer.variables)}
