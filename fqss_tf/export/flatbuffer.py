"""Reading and rewriting .tflite files with the schema that LiteRT ships; no TensorFlow."""

import contextlib
import json
import struct
from collections.abc import Iterator

import flatbuffers
import numpy as np
from ai_edge_litert import schema_py_generated as schema

from fqss_tf.errors import FqssError
from fqss_tf.runtime.metadata import FILE_IDENTIFIER, METADATA_NAME
from fqss_tf.types import Json

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
def damage_as_error(name: str) -> Iterator[None]:
    """Turns what reading a truncated or overwritten flatbuffer raises into one FqssError."""
    try:
        yield
    except (
        AttributeError,
        IndexError,
        KeyError,
        MemoryError,
        OverflowError,
        TypeError,
        ValueError,
        struct.error,
    ) as error:
        raise FqssError(f"{name} is damaged or cut short: write or copy it again") from error


def read_model(content: bytes, name: str = "the model") -> schema.ModelT:
    """Parses the bytes of a .tflite file.

    Args:
        content: bytes of the file.
        name: what an error message calls it.

    Returns:
        The root of the schema's object API.

    Raises:
        FqssError: not a TFLite flatbuffer, or a damaged one.
    """
    if content[4:8] != FILE_IDENTIFIER:
        raise FqssError(f"{name} is not a .tflite file")
    with damage_as_error(name):
        model = schema.ModelT.InitFromPackedBuf(content)
        if not model.subgraphs or not model.buffers:
            raise ValueError("no graph")
    return model


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


def write_metadata(tflite_bytes: bytes, description: Json) -> bytes:
    """Returns the model with ``description`` as its JSON metadata buffer named ``fqss``.

    Args:
        tflite_bytes: bytes of a .tflite file; an earlier description is replaced.
        description: dict that JSON can hold.

    Raises:
        FqssError: not a TFLite flatbuffer, or a damaged one.
    """
    model = read_model(tflite_bytes)
    text = json.dumps(description, sort_keys=True).encode()
    data = np.frombuffer(text, np.uint8)
    model.metadata = model.metadata or []
    for entry in model.metadata:
        if entry.name == METADATA_NAME:
            model.buffers[entry.buffer].data = data
            break
    else:
        model.metadata.append(schema.MetadataT(METADATA_NAME, len(model.buffers)))
        model.buffers.append(schema.BufferT(data))
    return pack_model(model)
