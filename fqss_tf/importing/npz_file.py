"""State dicts in numpy's .npz: ``<key>``, or ``sd/<key>`` and perhaps a JSON ``config``."""

import io
import json
import math
import zipfile
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fqss_tf.errors import FqssError

PREFIX = "sd/"
LARGEST = 2**30


def read_npz(archive: zipfile.ZipFile) -> tuple[dict[str, NDArray[Any]], Any]:
    """(name -> array, constructor arguments) from an open archive.

    The arguments are whatever the JSON in it holds; an empty dict where there is none.

    Raises:
        FqssError: it unpacks to more than 1 GiB, or an entry is no plain array.
        Exception: of any kind, when the file is damaged.
    """
    if sum(member.file_size for member in archive.infolist()) > LARGEST:
        raise FqssError("the archive unpacks to more than 1 GiB")
    names = [name.removesuffix(".npy") for name in archive.namelist()]
    arguments = {}
    if any(name.startswith(PREFIX) for name in names):
        if "config" in names:
            arguments = json.loads(str(_array(archive, "config")))
        names = [name for name in names if name.startswith(PREFIX)]
    return {name.removeprefix(PREFIX): _array(archive, name) for name in names}, arguments


def _array(archive: zipfile.ZipFile, name: str) -> NDArray[Any]:
    content = archive.read(f"{name}.npy")
    stream = io.BytesIO(content)
    version = np.lib.format.read_magic(stream)
    if version != (1, 0):
        raise FqssError(f"{name} is an array of format {version}: save it with numpy.savez")
    shape, _, dtype = np.lib.format.read_array_header_1_0(stream)
    # Numpy makes room for what the header claims before it reads.
    if dtype.hasobject or math.prod(shape) * dtype.itemsize != len(content) - stream.tell():
        raise FqssError(f"{name} is no plain array of the size that it states")
    return np.lib.format.read_array(io.BytesIO(content), allow_pickle=False)
