"""The safetensors format: a JSON header of names, types, shapes and places, then the numbers."""

import json
import math
from collections.abc import Callable
from typing import Any

from numpy.typing import NDArray

from fqss_tf.errors import FqssError
from fqss_tf.importing.unpickle import MOST_DIMENSIONS, Storage
from fqss_tf.types import Json

TYPES = {
    "F64": "float64", "F32": "float32", "F16": "float16", "BF16": "bfloat16", "I64": "int64",
    "I32": "int32", "I16": "int16", "I8": "int8", "U8": "uint8", "BOOL": "bool",
}


def looks_like_safetensors(content: bytes) -> bool:
    """Whether a file's bytes start with the length of a JSON header and the header."""
    length = int.from_bytes(content[:8], "little")
    return content[8:9] == b"{" and 2 <= length <= len(content) - 8


def read_safetensors(content: bytes) -> tuple[dict[str, NDArray[Any]], Json]:
    """(name -> array, constructor arguments) from the bytes of a file.

    Arguments are what demucs writes under ``kwargs``; other files tell none.

    Raises:
        FqssError: an entry does not lie where, or is not what, it says.
        Exception: of any kind, when the header is damaged.
    """
    start = 8 + int.from_bytes(content[:8], "little")
    header = json.loads(content[8:start])
    arguments = _arguments(header.pop("__metadata__", None))
    tensors: dict[str, NDArray[Any]] = {}
    end = 0
    for key, entry in sorted(header.items(), key=lambda item: item[1]["data_offsets"]):
        kind, shape = TYPES.get(entry["dtype"]), entry["shape"]
        first, last = entry["data_offsets"]
        if kind is None:
            raise FqssError(f"{key} has the unknown type {entry['dtype']}")
        if first != end or len(shape) > MOST_DIMENSIONS or not all(type(n) is int for n in shape):
            raise FqssError(f"{key} does not lie behind the tensor before it")
        if last > len(content) - start:
            raise FqssError(f"{key} lies beyond the end of the file")
        end = last
        data = content[start + first : start + last]
        storage = Storage(key, kind, math.prod(shape), _giving(data))
        if min(shape, default=0) < 0:
            raise FqssError(f"{key} has an impossible shape")
        tensors[key] = storage.numbers.reshape(shape)
    return tensors, arguments


def _arguments(metadata: Any) -> Json:
    """What demucs says of a network: JSON, in which fractions are dictionaries."""
    text = metadata.get("kwargs") if isinstance(metadata, dict) else None
    if text is None:
        return {}
    found = json.loads(text)
    if not isinstance(found, dict):
        raise FqssError("its kwargs are no arguments by name")
    return {key: _number(value) for key, value in found.items()}


def _number(value: Any) -> Any:
    if not isinstance(value, dict) or value.get("_type") != "fraction":
        return value
    return float(value["numerator"] / value["denominator"])


def _giving(data: bytes) -> Callable[[Storage], bytes]:
    return lambda _: data
