"""Any checkpoint file or folder -> its tensors by key, and the constructor arguments in it."""

import dataclasses
import io
import math
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fqss_tf.errors import FqssError
from fqss_tf.importing import npz_file, safetensors_file, torch_file
from fqss_tf.importing.speechbrain_folder import read_hyperparams
from fqss_tf.importing.tensorflow_folder import is_tensorflow_folder, read_tensorflow_folder
from fqss_tf.importing.unpickle import Name, Tensor
from fqss_tf.types import FloatArray, Json, PathLike

# A speechbrain folder: file -> what its keys begin with in the whole network.
SPEECHBRAIN_FILES = {"encoder": "encoder.", "masknet": "masknet.", "decoder": "decoder."}
# Training wrappers' names for the network in their own state_dict.
WRAPPERS = ("model.", "module.")
# The float teacher that FQSS saves beside the network it trains.
TEACHER = "fmodel."


@dataclasses.dataclass(frozen=True)
class Checkpoint:
    """What a checkpoint holds.

    ``tensors``: float32 or float64 arrays by key. ``arguments``: of the network's constructor.
    ``task``: what the publisher calls that which it was trained for; None where the file does not
    tell.
    """

    tensors: dict[str, FloatArray]
    arguments: Json
    task: str | None = None


def is_checkpoint(path: PathLike) -> bool:
    """Whether ``read_checkpoint`` is the one to read a path, by its place alone."""
    path = Path(path)
    is_speechbrain = any((path / f"{part}.ckpt").exists() for part in SPEECHBRAIN_FILES)
    return path.is_file() or is_speechbrain or is_tensorflow_folder(path)


def read_checkpoint(path: PathLike) -> Checkpoint:
    """Reads a checkpoint; nothing in it is executed.

    Args:
        path: a file of PyTorch, .safetensors or .npz, told apart by their content; or a folder
            with speechbrain's encoder.ckpt, masknet.ckpt and decoder.ckpt, and perhaps its
            hyperparams.yaml, or with a checkpoint of TensorFlow.

    Raises:
        FqssError: it cannot be read, holds no state_dict, or holds more than tensors and plain
            data, which is named.
    """
    path = Path(path)
    if path.is_dir():
        return _read_folder(path)
    if path.exists() and not path.is_file():
        raise FqssError(f"{path} is neither a file nor a folder")
    try:
        content = path.read_bytes()
    except OSError as error:
        raise FqssError(f"cannot read {path}: {error.strerror or error}") from error
    try:
        return _read(content)
    except FqssError as error:
        raise FqssError(f"{path} is refused: {error}") from error
    # Damage shows in as many kinds of errors as there are places for it.
    except (Exception, RecursionError) as error:
        reason = f"{type(error).__name__} {error}"[:200]
        raise FqssError(f"cannot read {path}: damaged, or no checkpoint ({reason})") from error


def _read_folder(path: Path) -> Checkpoint:
    if is_tensorflow_folder(path):
        return Checkpoint(_floats(read_tensorflow_folder(path)), {})
    tensors: dict[str, FloatArray] = {}
    for part, prefix in SPEECHBRAIN_FILES.items():
        file = path / f"{part}.ckpt"
        if not file.is_file():
            raise FqssError(f"{path} has no {file.name}: give a file, or a folder of speechbrain "
                            "or TensorFlow")
        read = read_checkpoint(file).tensors
        tensors |= {f"{prefix}{key}": tensor for key, tensor in read.items()}
    return Checkpoint(tensors, read_hyperparams(path))


def _read(content: bytes) -> Checkpoint:
    arguments: Any = {}
    task = None
    if content.startswith(b"PK"):
        archive = zipfile.ZipFile(io.BytesIO(content))
        if all(name.endswith(".npy") for name in archive.namelist()):
            tensors, arguments = npz_file.read_npz(archive)
        else:
            tensors, arguments, task = _state_dict(torch_file.read_zip(archive, len(content)))
    elif content.startswith(torch_file.LEGACY_START):
        tensors, arguments, task = _state_dict(torch_file.read_legacy(content))
    elif safetensors_file.looks_like_safetensors(content):
        tensors, arguments = safetensors_file.read_safetensors(content)
    else:
        raise FqssError("it is no file of PyTorch, safetensors or numpy")
    if not isinstance(arguments, dict) or not tensors:
        raise FqssError("it holds no tensors by name")
    return Checkpoint(_floats(_unwrapped(tensors)), arguments, task)


def _state_dict(document: Any) -> tuple[dict[str, NDArray[Any]], Any, str | None]:
    """(tensors, arguments, task) of a bare state_dict, or of one under its usual name."""
    if not isinstance(document, dict):
        raise FqssError(f"it holds a {type(document).__name__}, not a state_dict")
    if isinstance(document.get("klass"), Name):
        return _of_demucs(document)
    state = document.get("state_dict", document)
    if not isinstance(state, dict):
        raise FqssError("its state_dict is no dictionary")
    tensors = _arrays(state)
    if state is document:
        return tensors, {}, None
    # Asteroid puts what its data sets say of themselves beside, or under infos.
    infos = document.get("infos")
    task = document.get("task", infos.get("task") if isinstance(infos, dict) else None)
    return tensors, document.get("model_args", {}), task if isinstance(task, str) else None


def _of_demucs(document: Json) -> tuple[dict[str, NDArray[Any]], Any, None]:
    """The same of the package in which demucs keeps a class, its arguments and its weights."""
    state = document.get("state")
    if not isinstance(state, dict) or document.get("args"):
        raise FqssError("its state is no dictionary, or its class has arguments without a name")
    return _arrays(state), document.get("kwargs", {}), None


def _arrays(state: Mapping[Any, Any]) -> dict[str, NDArray[Any]]:
    for key, value in state.items():
        if not isinstance(key, str) or not isinstance(value, Tensor):
            raise FqssError(f"its entry {str(key)[:80]} is no tensor: save the state_dict alone")
    _check_no_overlap(state)
    return {key: tensor.array() for key, tensor in state.items()}


def _check_no_overlap(tensors: Mapping[str, Tensor]) -> None:
    """Tensors may lie side by side in one storage, but small files must not claim large ones."""
    room: dict[str, int] = {}
    for key, tensor in tensors.items():
        storage = tensor.storage
        room[storage.key] = room.get(storage.key, storage.size) - tensor.size
        if room[storage.key] < 0:
            raise FqssError(f"{key} shares its numbers with another tensor")


def _unwrapped(tensors: Mapping[str, NDArray[Any]]) -> Mapping[str, NDArray[Any]]:
    tensors = {key: value for key, value in tensors.items() if not key.startswith(TEACHER)}
    for prefix in WRAPPERS:
        if tensors and all(key.startswith(prefix) for key in tensors):
            tensors = {key.removeprefix(prefix): value for key, value in tensors.items()}
    return tensors


def _floats(tensors: Mapping[str, NDArray[Any]]) -> dict[str, FloatArray]:
    """float32 or float64 copies; integers are counters, which no network here has."""
    floats: dict[str, FloatArray] = {}
    for key, tensor in tensors.items():
        if tensor.dtype.kind != "f":
            continue
        floats[key] = tensor.astype(np.float64 if tensor.dtype.itemsize == 8 else np.float32)
        if not math.isfinite(floats[key].sum(dtype=np.float64)):
            raise FqssError(f"{key} holds NaN or infinite numbers")
    return floats
