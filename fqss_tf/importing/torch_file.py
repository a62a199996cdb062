"""The files that ``torch.save`` writes: zip archives, and the streams of PyTorch before 1.6."""

import io
import struct
import zipfile
from typing import Any

from fqss_tf.errors import FqssError
from fqss_tf.importing.unpickle import Storage, unpickle

LEGACY_MAGIC = 0x1950A86A20F9469CFC6C
LEGACY_PROTOCOL = 1001
# What the first pickle of a legacy file, its magic number, looks like.
LEGACY_START = b"\x80\x02\x8a\x0a" + LEGACY_MAGIC.to_bytes(10, "little")


def read_zip(archive: zipfile.ZipFile, length: int) -> Any:
    """The object in a torch archive, with ``Tensor`` records that read from it.

    Args:
        archive: open zipfile.ZipFile.
        length: of the file in bytes; no archive of stored files unpacks to more.

    Raises:
        FqssError: not laid out as PyTorch does, or the pickle holds more than plain data.
        Exception: of any kind, when the file is damaged.
    """
    members = archive.infolist()
    pickles = [m.filename for m in members if m.filename.endswith("/data.pkl")]
    if len(pickles) != 1:
        raise FqssError("the archive is not one that torch.save wrote: it has no single data.pkl")
    if any(m.compress_type != zipfile.ZIP_STORED for m in members):
        raise FqssError("the archive is compressed, which torch.save never does")
    if sum(m.file_size for m in members) > length:
        raise FqssError("the archive claims to hold more bytes than the file has")
    root = pickles[0].removesuffix("data.pkl")
    if f"{root}byteorder" in archive.namelist() and archive.read(f"{root}byteorder") != b"little":
        raise FqssError("the tensors were saved on a big-endian machine: save them on another")

    def read_storage(storage: Storage) -> bytes:
        return archive.read(f"{root}data/{storage.key}")

    return unpickle(io.BytesIO(archive.read(pickles[0])), read_storage)


def read_legacy(content: bytes) -> Any:
    """The object in the bytes of a file of PyTorch before 1.6.

    Errors are those of ``read_zip``.
    """
    stream = io.BytesIO(content)
    places: dict[str, tuple[int, int]] = {}

    def read_storage(storage: Storage) -> bytes:
        start, size = places[storage.key]
        if size != storage.size:
            raise FqssError(f"storage {storage.key} has {size} numbers, not {storage.size}")
        return content[start : start + size * storage.itemsize]

    storages: dict[str, Storage] = {}

    def plain() -> Any:
        return unpickle(stream, read_storage, storages)

    if plain() != LEGACY_MAGIC or plain() != LEGACY_PROTOCOL:
        raise FqssError("this is no file of a PyTorch that is known here")
    system = plain()
    if system.get("little_endian") is not True:
        raise FqssError("the tensors were saved on a big-endian machine: save them on another")
    document, keys = plain(), plain()
    for key in keys:
        (size,) = struct.unpack("<q", stream.read(8))
        places[key] = stream.tell(), size
        if size < 0 or key not in storages:
            raise FqssError(f"the file has no place for storage {key}")
        stream.seek(size * storages[key].itemsize, io.SEEK_CUR)
    return document
