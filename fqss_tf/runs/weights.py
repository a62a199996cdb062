"""Weights of Keras models as ``.npz``, by the names of layers and variables."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import ArrayLike

from fqss_tf.errors import FqssError
from fqss_tf.files import atomic_path
from fqss_tf.types import Arrays, KerasModel, PathLike, Variable


def save_weights(model: KerasModel, path: PathLike) -> None:
    """Writes all weights of a model as ``.npz``, one entry per variable, ``layer/variable``."""
    write_arrays(weights_of(model), path)


def load_weights(model: KerasModel, path: PathLike) -> None:
    """Sets all weights of a model from ``save_weights``' file.

    Raises:
        FqssError: the file is broken or is of another network; the first misfit is named.
    """
    assign_arrays(named_variables(model), read_arrays(path), path)


def weights_of(model: KerasModel) -> Arrays:
    """Returns name ``layer/variable`` -> numpy array of every variable of a model."""
    return {name: variable.numpy() for name, variable in named_variables(model).items()}


def named_variables(model: KerasModel) -> dict[str, Variable]:
    """Returns name ``layer/variable`` -> variable of every variable of a model."""
    named: dict[str, Variable] = {}
    for layer in model.layers:
        for variable in layer.weights:
            key = f"{layer.name}/{variable.name.split('/')[-1].split(':')[0]}"
            # tfmot's wrappers list some variables twice.
            if named.setdefault(key, variable) is not variable:
                raise ValueError(f"two variables are called {key}")
    return named


def write_arrays(arrays: Mapping[str, ArrayLike], path: PathLike) -> None:
    """Writes arrays by name as ``.npz``, whole or not at all."""
    with atomic_path(path) as temporary:
        np.savez(temporary, **arrays)


def read_arrays(path: PathLike) -> Arrays:
    """Reads name -> array of an ``.npz`` file.

    Raises:
        FqssError: the file is missing or broken.
    """
    try:
        with np.load(path, allow_pickle=False) as stored:
            return {key: stored[key] for key in stored.files}
    except Exception as error:  # numpy raises a different kind for every way a zip can be broken
        raise FqssError(f"cannot read {path}: {error}") from error


def assign_arrays(variables: Mapping[str, Variable], arrays: Arrays, path: PathLike) -> None:
    """Sets variables by name; ``path`` is where the arrays are from, for the error.

    Raises:
        FqssError: an array is missing or has another shape; the first is named.
    """
    for name, variable in variables.items():
        expected = tuple(variable.shape)
        if name not in arrays or arrays[name].shape != expected:
            found = arrays[name].shape if name in arrays else "missing"
            raise FqssError(
                f"{path} is of another network: {name} is {found}, expected {expected}; a run of "
                "an earlier version has to be trained again"
            )
        variable.assign(arrays[name])
