"""The description that an fqss-tf .tflite file carries, and whether the file is whole.

The interpreter trusts the offsets inside a model file and can take the process down when they
lead outside, so every offset is followed here, in Python, before the interpreter sees the file.
"""

import hashlib
import json
import re
import struct
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ai_edge_litert import schema_py_generated as schema

from fqss_tf.errors import FqssError
from fqss_tf.formats import FILE_TYPES
from fqss_tf.runtime.checksum import check_checksum
from fqss_tf.runtime.graph_check import faults
from fqss_tf.types import Json, PathLike

METADATA_NAME = b"fqss"
FORMAT = 1
FILE_IDENTIFIER = b"TFL3"
MOST_DELAY = 2**20  # samples; a minute or two
UNNAMED_SOURCE = re.compile(r"speech(_\d+)?")
# Format 1 keeps the keys that it began with: the app and other programs read them.
FILE_KEYS = {
    "input_planes": "input_stages", "output_planes": "output_stages",
    "quantized_by": "quantised_by", "algorithmic_delay": "lag",
}


@dataclass(frozen=True)
class Metadata:
    """What the JSON of the metadata buffer ``fqss`` says; lengths in samples, rates in Hz.

    A streaming model also has an ``algorithmic_delay``, by which its output comes after its input,
    and the names of its ``states``, each of which is an input and an output. Its ``segment`` is one
    step.
    """

    sample_rate: int
    segment: int
    hop: int
    sources: tuple[str, ...]
    input_planes: int
    output_planes: int
    type: str
    method: str
    network: str
    quantized_by: str
    algorithmic_delay: int | None = None
    states: tuple[str, ...] = ()

    @property
    def is_streaming(self) -> bool:
        """Whether the file takes a stream step by step."""
        return self.algorithmic_delay is not None

    @property
    def latency(self) -> int:
        """Samples from the arrival of a sound until it is separated, but for computing time.

        The first sample of a segment waits for the last; a streaming model's result lags too.
        """
        return self.segment + (self.algorithmic_delay or 0)

    @property
    def has_named_sources(self) -> bool:
        """Whether each output has its source; ``speech_1`` and ``speech_2`` may change places."""
        return not all(UNNAMED_SOURCE.fullmatch(name) for name in self.sources)

    @property
    def takes_int16(self) -> bool:
        """Whether 16-bit samples are what the graph computes on: two int8 planes each way."""
        return self.type == "int8" and (self.input_planes, self.output_planes) == (2, 2)


def read_metadata(path: PathLike) -> tuple[Metadata, bytes]:
    """Checks a .tflite file and reads its description.

    Args:
        path: the .tflite file. A JSON file of the same name beside it, if it has a "sha256", must
            have the right one.

    Returns:
        (Metadata, bytes of the file).

    Raises:
        FqssError: missing, cut short or damaged, not of this project, with a graph that no
            exporter writes, or not the file that the JSON beside it describes.
    """
    path = Path(path)
    content = _read_bytes(path)
    check_checksum(path, content)
    model = checked_model(path, content)
    description = _description(path, model)
    _check_sidecar(path, content)
    found = faults(model, description.states)
    if found:
        raise FqssError(f"{path} is damaged, {found[0]}: copy or convert it anew")
    return description, content


def checked_model(path: PathLike, content: bytes) -> schema.ModelT:
    """Parses the bytes of a .tflite file, of this project or not.

    Args:
        path: what an error message calls the file.
        content: the bytes.

    Returns:
        The root of the schema's object API, all of whose offsets lead inside the file.

    Raises:
        FqssError: not a .tflite file, cut short or damaged.
    """
    model = _unpack(path, content)
    _check_references(path, model, len(content))
    return model


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


def _unpack(path: PathLike, content: bytes) -> schema.ModelT:
    if content[4:8] != FILE_IDENTIFIER:
        raise FqssError(f"{path} is not a .tflite file")
    try:
        return schema.ModelT.InitFromPackedBuf(content)
    except (struct.error, ValueError, IndexError, TypeError, OverflowError, RecursionError,
            MemoryError, AttributeError) as error:
        raise _damaged(path) from error


def _check_references(path: PathLike, model: schema.ModelT, size: int) -> None:
    buffers = model.buffers or []
    if not model.subgraphs or any(_leaves_the_file(buffer, size) for buffer in buffers):
        raise _damaged(path)
    for subgraph in model.subgraphs:
        tensors = subgraph.tensors if subgraph.tensors is not None else []
        operators = subgraph.operators if subgraph.operators is not None else []
        named_tensors = [subgraph.inputs, subgraph.outputs]
        for operator in operators:
            named_tensors += [operator.inputs, operator.outputs, operator.intermediates]
        if not (
            all(_inside([tensor.buffer], buffers) for tensor in tensors)
            and all(_inside([operator.opcodeIndex], model.operatorCodes) for operator in operators)
            and all(_inside(indices, tensors, lowest=-1) for indices in named_tensors)
        ):
            raise _damaged(path)


def _leaves_the_file(buffer: schema.BufferT, size: int) -> bool:
    return buffer.offset + buffer.size > size


def _inside(
    indices: Iterable[int] | None, target: Sequence[object] | None, lowest: int = 0
) -> bool:
    if indices is None:
        return True
    return all(lowest <= index < len(target or []) for index in indices)


def _description(path: Path, model: schema.ModelT) -> Metadata:
    for entry in model.metadata or []:
        if entry.name == METADATA_NAME and _inside([entry.buffer], model.buffers):
            data = model.buffers[entry.buffer].data
            try:
                values = json.loads(bytes(data if data is not None else b""))
            except ValueError as error:
                raise _damaged(path) from error
            return _checked(path, values)
    raise FqssError(f"{path} is not an fqss-tf model: it carries no fqss description")


def _checked(path: Path, values: Any) -> Metadata:
    if not isinstance(values, dict) or values.get("format") != FORMAT:
        found = values.get("format") if isinstance(values, dict) else None
        raise FqssError(
            f"{path} has fqss format {found!r}, this version reads {FORMAT}: convert it anew"
        )
    counts = ("sample_rate", "segment", "hop", "input_stages", "output_stages")
    wrong = [name for name in counts if not _is_count(values.get(name))]
    wrong += [name for name in ("method", "network", "quantised_by") if not _is_text(values, name)]
    if values.get("type") not in FILE_TYPES:
        wrong.append("type")
    if not _are_file_names(values.get("sources")):
        wrong.append("sources")
    states = values.get("states", [])
    if "lag" in values and not _is_delay(values["lag"]):
        wrong.append("lag")
    if not (states == [] or "lag" in values and _are_names(states)):
        wrong.append("states")
    if wrong:
        raise FqssError(f"{path} has an fqss description with a wrong {wrong[0]}: convert it anew")
    keys = {name: FILE_KEYS.get(name, name) for name in Metadata.__dataclass_fields__}
    fields = {name: values[key] for name, key in keys.items() if key in values}
    return Metadata(**{**fields, "sources": tuple(values["sources"]), "states": tuple(states)})


def _is_count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value > 0


def _is_delay(value: object) -> bool:
    return type(value) is int and 0 <= value <= MOST_DELAY


def _is_text(values: Json, name: str) -> bool:
    return isinstance(values.get(name), str)


def _are_file_names(sources: Any) -> bool:
    """Source names become parts of file names, so one must not lead to another folder."""
    return _are_names(sources) and not any(
        character in name for name in sources for character in "/\\\0"
    )


def _are_names(names: Any) -> bool:
    return (
        isinstance(names, list)
        and len(names) > 0
        and all(isinstance(name, str) and name for name in names)
        and len(set(names)) == len(names)
    )


def _check_sidecar(path: Path, content: bytes) -> None:
    sidecar = path.with_suffix(".json")
    if not sidecar.is_file():
        return
    try:
        values = json.loads(sidecar.read_bytes())
    except (OSError, ValueError) as error:
        raise FqssError(f"{sidecar} is not readable JSON: remove it or convert anew") from error
    expected = values.get("sha256") if isinstance(values, dict) else None
    if expected is not None and expected != hashlib.sha256(content).hexdigest():
        raise FqssError(f"{path} is not the file that {sidecar.name} describes: sha256 differs")


def _damaged(path: PathLike) -> FqssError:
    return FqssError(f"{path} is cut short or damaged: copy or convert it anew")
