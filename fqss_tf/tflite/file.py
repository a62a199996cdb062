"""A .tflite file that is read and parsed once, and handed along instead of its path."""

import functools
import hashlib
import json
from pathlib import Path
from typing import TypeAlias

from fqss_tf.errors import FqssError
from fqss_tf.tflite.checksum import check_checksum
from fqss_tf.tflite.flatbuffer import read_model
from fqss_tf.tflite.graph_check import faults
from fqss_tf.tflite.metadata import Metadata, is_described, read_description
from fqss_tf.tflite.op_report import Report, op_report
from fqss_tf.tflite.shipped import is_shipped, list_models, model_path
from fqss_tf.types import PathLike

# A .tflite file, open already, by its path, or by the name of a model that ships.
FileLike: TypeAlias = "PathLike | TfliteFile"


class TfliteFile:
    """The bytes of a .tflite file, of this project or of any other, and what they hold.

    LiteRT follows offsets without looking. So the bytes are checked before it gets them: opening
    compares the checksum, then parses and follows every offset. ``metadata`` also checks the graph,
    and every engine asks for it before it gives ``content`` to LiteRT. A file that is replaced
    meanwhile cannot slip past the checks, because nothing reads it again.

    Args:
        path: what error messages call the file, and where the JSON beside it would lie.
        content: its bytes.
        name: what tables call it; the path if None.

    Attributes:
        model: the root of the schema's object API; not to be changed.

    Raises:
        FqssError: not a .tflite file, cut short or damaged.
    """

    def __init__(self, path: PathLike, content: bytes, name: str | None = None) -> None:
        self.path = Path(path)
        self.name = name or str(path)
        self.content = content
        check_checksum(path, content)
        self.model = read_model(content, str(path))

    @classmethod
    def open(cls, file: FileLike) -> "TfliteFile":
        """Reads a file, or the model of that name that ships; an open one stays as it is.

        Raises:
            FqssError: missing, a folder, not a .tflite file, cut short or damaged; or a name that
                no model has.
        """
        if isinstance(file, TfliteFile):
            return file
        path = model_path(file)
        return cls(path, _read_bytes(path), str(file))

    @property
    def is_described(self) -> bool:
        """Whether it carries a description, as the files of this project do."""
        return is_described(self.model)

    @functools.cached_property
    def metadata(self) -> Metadata:
        """What the file says about itself, after all checks.

        A JSON file of the same name beside it, if it has a "sha256", must have the right one.

        Raises:
            FqssError: not of this project, with a graph that no exporter writes, or not the file
                that the JSON beside it describes.
        """
        description = read_description(self.path, self.model)
        self._check_sidecar()
        found = faults(self.model, description.states)
        if found:
            raise FqssError(f"{self.path} is damaged, {found[0]}: copy or convert it anew")
        return description

    @functools.cached_property
    def report(self) -> Report:
        """What the file computes, op by op.

        Raises:
            FqssError: damaged.
        """
        return op_report(self.model, len(self.content), str(self.path))

    @functools.cached_property
    def sha256(self) -> str:
        """SHA-256 of the whole file, in hexadecimal."""
        return hashlib.sha256(self.content).hexdigest()

    def _check_sidecar(self) -> None:
        sidecar = self.path.with_suffix(".json")
        if not sidecar.is_file():
            return
        try:
            values = json.loads(sidecar.read_bytes())
        except (OSError, ValueError, RecursionError) as error:
            raise FqssError(f"{sidecar} is not readable JSON: remove it or convert anew") from error
        expected = values.get("sha256") if isinstance(values, dict) else None
        if expected is not None and expected != self.sha256:
            raise FqssError(
                f"{self.path} is not the file that {sidecar.name} describes: sha256 differs"
            )


def open_model(model: FileLike) -> Path | TfliteFile:
    """Opens a .tflite file or a model that ships; the path of a run folder stays a path.

    Raises:
        FqssError: missing, not a .tflite file, cut short or damaged.
    """
    if isinstance(model, TfliteFile):
        return model
    path = Path(model)
    if not path.exists() and not is_shipped(path):
        raise FqssError(
            f"no model {path}: give a run folder of fqss-tf train, a .tflite file or one of "
            f"{', '.join(list_models())}"
        )
    return path if path.is_dir() else TfliteFile.open(path)


def _read_bytes(path: Path) -> bytes:
    if path.is_dir():
        raise FqssError(
            f"{path} is a folder: convert a run first (fqss-tf convert) and give the .tflite"
        )
    try:
        return path.read_bytes()
    except FileNotFoundError:
        raise FqssError(f"{path} is missing: give a .tflite file") from None
    except OSError as error:
        raise FqssError(f"cannot read {path}: {error.strerror or error}") from error
