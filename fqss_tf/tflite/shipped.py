"""Where the models that ship with the package lie, by name."""

from pathlib import Path

from fqss_tf.errors import FqssError
from fqss_tf.types import PathLike

FOLDER = Path(__file__).parents[1] / "tflite_models"
# For whole recordings, and for streams.
DEFAULT = "voice"
DEFAULT_STREAMING = "voice-stream"


def list_models() -> list[str]:
    """Returns the names of the models that ship with the package."""
    return _names("*.tflite")


def list_float_models() -> list[str]:
    """Returns the names of those whose float weights ship, too."""
    return [name for name in _names("*.npz") if name in list_models()]


def shipped_file(name: str, suffix: str) -> Path:
    """Returns where a file of a model lies, such as its card, ``.md``."""
    return FOLDER / f"{name}{suffix}"


def is_shipped(model: PathLike) -> bool:
    """Says whether a model that ships is meant: it has the name, and no file or folder here has."""
    return str(model) in list_models() and not Path(model).exists()


def model_path(model: PathLike) -> Path:
    """Returns the path of a model.

    Args:
        model: a .tflite file, or the name of a model that ships with the package.

    Raises:
        FqssError: a name that no model has.
    """
    path = Path(model)
    if is_shipped(path):
        return shipped_file(str(path), ".tflite")
    if path.suffix or path.exists() or len(path.parts) != 1:
        return path
    raise FqssError(f"no model {model}: give a .tflite file or one of {', '.join(list_models())}")


def _names(pattern: str) -> list[str]:
    return sorted(path.stem for path in FOLDER.glob(pattern))
