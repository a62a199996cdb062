"""Checkpoint files as ``torch.save`` writes them, and as an attacker would."""

import io
import pickle
import struct
import zipfile
from pathlib import Path

import numpy as np

from fqss_tf.importing.torch_file import LEGACY_MAGIC, LEGACY_PROTOCOL

FIXTURES = Path(__file__).parents[1] / "fixtures"


def torch_zip(pickled, storages=None):
    """Bytes of a torch archive around a pickle; ``storages``: key -> bytes."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr("archive/data.pkl", pickled)
        archive.writestr("archive/byteorder", "little")
        for key, content in (storages or {}).items():
            archive.writestr(f"archive/data/{key}", content)
        archive.writestr("archive/version", "3\n")
    return stream.getvalue()


class Named:
    """Pickles as a call of any name with any arguments."""

    def __init__(self, module, name, *arguments):
        self.call = module, name, arguments

    def opcodes(self):
        module, name, arguments = self.call
        parts = b"".join(pickled_value(argument) for argument in arguments)
        return f"c{module}\n{name}\n".encode() + b"(" + parts + b"tR"


class StorageId:
    """Pickles as the persistent id of a storage."""

    def __init__(self, key, size, kind="FloatStorage", view=()):
        self.identity = key, size, kind, view

    def opcodes(self):
        key, size, kind, view = self.identity
        parts = [pickled_value(part) for part in (key, "cpu", size, *view)]
        return (
            b"(" + pickled_value("storage") + f"ctorch\n{kind}\n".encode() + b"".join(parts) + b"tQ"
        )


class Opcodes:
    """Pickles as any opcodes."""

    def __init__(self, opcodes):
        self.opcodes = lambda: opcodes


def pickled_value(value):
    """Opcodes that push a value."""
    if isinstance(value, Named | StorageId | Opcodes):
        return value.opcodes()
    if isinstance(value, dict):
        items = b"".join(pickled_value(k) + pickled_value(v) for k, v in value.items())
        return b"}(" + items + b"u"
    if isinstance(value, tuple):
        return b"(" + b"".join(pickled_value(item) for item in value) + b"t"
    return pickle.dumps(value, 2)[2:-1]


def pickled(value):
    """A whole protocol-2 pickle of plain values, ``Named`` and ``StorageId``."""
    return b"\x80\x02" + pickled_value(value) + b"."


def tensor(key, shape, strides=None, offset=0, size=None, kind="FloatStorage"):
    """A tensor as ``torch.save`` names it."""
    if strides is None:
        strides = tuple(int(np.prod(shape[axis + 1 :])) for axis in range(len(shape)))
    storage = StorageId(key, int(np.prod(shape)) if size is None else size, kind)
    return Named("torch._utils", "_rebuild_tensor_v2", storage, offset, shape, strides, False,
                 Named("collections", "OrderedDict"))


def state_of(fixture):
    """Key -> array of a recorded network."""
    arrays = np.load(FIXTURES / f"{fixture}.npz")
    return {key.removeprefix("sd/"): arrays[key] for key in arrays if key.startswith("sd/")}


def tensors_of(state):
    """Key -> tensor as ``torch.save`` names it, number i in storage i."""
    return {key: tensor(str(i), value.shape) for i, (key, value) in enumerate(state.items())}


def zip_of(state):
    """Bytes of a torch archive with a bare state_dict."""
    storages = {str(i): value.tobytes() for i, value in enumerate(state.values())}
    return torch_zip(pickled(tensors_of(state)), storages)


def legacy_of(state, system=None):
    """Bytes of a file of PyTorch before 1.6 with a bare state_dict.

    ``system``: pickle to have in place of the one that describes the machine.
    """
    keys = [str(100 + i) for i in range(len(state))]
    tensors = {}
    for key, (name, value) in zip(keys, state.items(), strict=True):
        tensors[name] = tensor(key, value.shape)
        tensors[name].call[2][0].identity = (key, value.size, "FloatStorage", (None,))
    machine = pickled({"protocol_version": 1001, "little_endian": True, "type_sizes": {"int": 4}})
    head = b"".join((
        pickled(LEGACY_MAGIC), pickled(LEGACY_PROTOCOL), system or machine, pickled(tensors),
    ))
    body = b"".join(
        struct.pack("<q", value.size) + value.tobytes() for value in state.values()
    )
    return head + pickle.dumps(keys, 2) + body
