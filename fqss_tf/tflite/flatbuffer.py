"""Parsing and packing .tflite files with the schema that LiteRT ships.

The interpreter trusts the offsets inside a file and can take the process down when they lead
outside, so every offset is followed here, in Python, before the interpreter sees the file.
"""

import contextlib
import struct
from collections.abc import Iterable, Iterator, Sequence

import flatbuffers
import numpy as np
from ai_edge_litert import schema_py_generated as schema

from fqss_tf.errors import FqssError
from fqss_tf.types import PathLike

FILE_IDENTIFIER = b"TFL3"
# The schema demands it of constants (`force_align: 16`), but the generated Python forgets it.
BUFFER_ALIGNMENT = 16


class AlignedBuffer(schema.BufferT):
    """A buffer that is packed so that the runtime can use its data in place."""

    def Pack(self, builder: flatbuffers.Builder) -> int:
        """Writes the buffer and returns its place, as the schema's own ``Pack`` does."""
        data = None
        if self.data is not None:
            content = np.asarray(self.data, np.uint8).tobytes()
            builder.StartVector(1, len(content), BUFFER_ALIGNMENT)
            builder.head = builder.Head() - len(content)
            builder.Bytes[builder.Head() : builder.Head() + len(content)] = content
            data = builder.EndVector()
        schema.BufferStart(builder)
        if data is not None:
            schema.BufferAddData(builder, data)
        return schema.BufferEnd(builder)


@contextlib.contextmanager
def damage_as_error(name: PathLike) -> Iterator[None]:
    """Turns what reading a truncated or overwritten flatbuffer raises into one FqssError."""
    try:
        yield
    except (
        AttributeError,
        IndexError,
        KeyError,
        MemoryError,
        OverflowError,
        RecursionError,
        TypeError,
        ValueError,
        struct.error,
    ) as error:
        raise damaged(name) from error


def damaged(name: PathLike) -> FqssError:
    """Returns the error that a file is not whole.

    Args:
        name: what the message calls it.
    """
    return FqssError(f"{name} is damaged or cut short: copy or convert it anew")


def read_model(content: bytes, name: str = "the model") -> schema.ModelT:
    """Parses the bytes of a .tflite file, of this project or not.

    Args:
        content: bytes of the file.
        name: what an error message calls it.

    Returns:
        The root of the schema's object API, all of whose offsets lead inside the file.

    Raises:
        FqssError: not a .tflite file, cut short or damaged.
    """
    if content[4:8] != FILE_IDENTIFIER:
        raise FqssError(f"{name} is not a .tflite file")
    with damage_as_error(name):
        model = schema.ModelT.InitFromPackedBuf(content)
    if not _leads_inside(model, len(content)):
        raise damaged(name)
    return model


def _leads_inside(model: schema.ModelT, size: int) -> bool:
    buffers = model.buffers or []
    if not model.subgraphs or not buffers:
        return False
    if any(buffer.offset + buffer.size > size for buffer in buffers):
        return False
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
            return False
    return True


def _inside(
    indices: Iterable[int] | None, target: Sequence[object] | None, lowest: int = 0
) -> bool:
    if indices is None:
        return True
    return all(lowest <= index < len(target or []) for index in indices)


def pack_model(model: schema.ModelT) -> bytes:
    """Serialises a ``ModelT`` to the bytes of a .tflite file; its buffers are replaced.

    Raises:
        FqssError: data of the model lies outside the flatbuffer.
    """
    for position, buffer in enumerate(model.buffers):
        if buffer.offset:
            raise FqssError("models with data outside the flatbuffer (over 2 GB) are not supported")
        model.buffers[position] = AlignedBuffer(data=buffer.data)
    builder = flatbuffers.Builder(1 << 16)
    builder.Finish(model.Pack(builder), file_identifier=FILE_IDENTIFIER)
    return bytes(builder.Output())
