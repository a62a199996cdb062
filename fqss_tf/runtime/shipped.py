"""The models that ship with the package, by name."""

from pathlib import Path

from fqss_tf.errors import FqssError
from fqss_tf.tflite.file import FileLike, TfliteFile
from fqss_tf.types import PathLike

FOLDER = Path(__file__).parents[1] / "tflite_models"
# For whole recordings, and for streams.
DEFAULT = "fqss_int8"
DEFAULT_STREAMING = "fqss_stream_int8"


def list_models() -> list[str]:
    """Returns the names of the models that ship with the package."""
    return sorted(path.stem for path in FOLDER.glob("*.tflite"))


def model_path(model: PathLike) -> Path:
    """Returns the path of a model.

    Args:
        model: a .tflite file, or the name of a model that ships with the package.

    Raises:
        FqssError: a name that no model has.
    """
    path = Path(model)
    if path.suffix or path.exists() or len(path.parts) != 1:
        return path
    if path.name not in list_models():
        raise FqssError(
            f"no model {model}: give a .tflite file or one of {', '.join(list_models())}"
        )
    return FOLDER / f"{path.name}.tflite"


def open_file(model: FileLike) -> TfliteFile:
    """Opens a model: a .tflite file, or the name of one that ships; an open one stays as it is.

    Raises:
        FqssError: a name that no model has, or a file that is missing, damaged or no .tflite.
    """
    return TfliteFile.open(model if isinstance(model, TfliteFile) else model_path(model))
