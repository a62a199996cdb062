"""Pickles of tensors and plain containers, read by an interpreter that can call nothing.

Python's unpickler calls what the file names and lets the file change what it returns. This one
knows only the opcodes that build plain containers, and turns the few names that PyTorch writes for
tensors, and numpy for single numbers, into records. Any other opcode or name is refused by name.
"""

import dataclasses
import functools
import math
import pickletools
from collections.abc import Callable, Sequence
from fractions import Fraction
from typing import Any, BinaryIO, TypeVar

import numpy as np
from numpy.typing import NDArray

from fqss_tf.errors import FqssError

STORAGE_TYPES = {
    "torch DoubleStorage": "float64",
    "torch FloatStorage": "float32",
    "torch HalfStorage": "float16",
    "torch BFloat16Storage": "bfloat16",
    "torch LongStorage": "int64",
    "torch IntStorage": "int32",
    "torch ShortStorage": "int16",
    "torch CharStorage": "int8",
    "torch ByteStorage": "uint8",
    "torch BoolStorage": "bool",
}
# Classes that a publisher's file names beside the tensors; nothing is made of them.
CLASSES = frozenset(("demucs.htdemucs HTDemucs",))
LITERALS = frozenset((
    "BININT", "BININT1", "BININT2", "INT", "LONG", "LONG1", "LONG4", "FLOAT", "BINFLOAT", "UNICODE",
    "BINUNICODE", "BINUNICODE8", "SHORT_BINUNICODE", "STRING", "BINSTRING", "SHORT_BINSTRING",
    "BINBYTES", "SHORT_BINBYTES",
))
CONSTANTS = {"NONE": None, "NEWTRUE": True, "NEWFALSE": False}
EMPTY = {"EMPTY_DICT": dict, "EMPTY_LIST": list, "EMPTY_TUPLE": tuple}
SHORT_TUPLES = {"TUPLE1": 1, "TUPLE2": 2, "TUPLE3": 3}
MOST_DIMENSIONS = 8
# Types of single numbers, as numpy names them; publishers keep their scores in such.
NUMBER_KINDS = frozenset(("f2", "f4", "f8", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "b1"))
MOST_TEXT = 40  # of a fraction, of the bytes of a number, and of a name in a message
Container = TypeVar("Container", list[Any], dict[Any, Any])


@dataclasses.dataclass(frozen=True)
class Storage:
    """The numbers behind one or more tensors; ``read`` gives their ``itemsize * size`` bytes."""

    key: str
    kind: str
    size: int
    read: Callable[["Storage"], bytes]

    @property
    def itemsize(self) -> int:
        """Bytes of a number."""
        return 2 if self.kind == "bfloat16" else np.dtype(self.kind).itemsize

    @functools.cached_property
    def numbers(self) -> NDArray[Any]:
        """All numbers, 1-D; bfloat16 as float32. All tensors of a storage share these."""
        content = self.read(self)
        if len(content) != self.size * self.itemsize:
            raise FqssError(f"storage {self.key} has {len(content)} bytes, not the stated "
                            f"{self.size * self.itemsize}")
        if self.kind == "bfloat16":
            return (np.frombuffer(content, "<u2").astype("<u4") << 16).view("<f4")
        return np.frombuffer(content, np.dtype(self.kind).newbyteorder("<"))


@dataclasses.dataclass(frozen=True)
class Tensor:
    """A strided window on a storage; offset and strides count numbers."""

    storage: Storage
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]

    @property
    def size(self) -> int:
        """How many numbers the tensor has."""
        return math.prod(self.shape)

    def array(self) -> NDArray[Any]:
        """The tensor, read-only."""
        numbers = self.storage.numbers
        strides = [stride * numbers.itemsize for stride in self.strides]
        return np.lib.stride_tricks.as_strided(
            numbers[self.offset :], self.shape, strides, writeable=False
        )


@dataclasses.dataclass(frozen=True)
class NumberType:
    """A type of single numbers of numpy; ``kind`` is one of ``NUMBER_KINDS``."""

    kind: str


@dataclasses.dataclass(frozen=True)
class Name:
    """A name that the file mentions: a marker, never the thing that it names."""

    text: str


def unpickle(
    stream: BinaryIO, read_storage: Callable[[Storage], bytes],
    storages: dict[str, Storage] | None = None,
) -> Any:
    """The first object of a pickle stream: dicts, lists, tuples, text, numbers and ``Tensor``.

    Args:
        stream: binary file; it is left behind the object.
        read_storage: function Storage -> bytes, not called here.
        storages: dict that gets every Storage by its key, if given.

    Raises:
        FqssError: a name or an opcode that tensors and plain containers do not need.
        Exception: of any kind, when the bytes are no whole pickle.
    """
    machine = _Machine(read_storage, {} if storages is None else storages)
    for opcode, argument, _ in pickletools.genops(stream):
        machine.step(opcode.name, argument)
    return machine.result


class _Machine:
    def __init__(
        self, read_storage: Callable[[Storage], bytes], storages: dict[str, Storage]
    ) -> None:
        self.read_storage = read_storage
        self.storages = storages
        self.stack: list[Any] = []
        self.marks: list[int] = []
        self.memo: dict[int, Any] = {}
        self.result: Any = None

    def step(self, opcode: str, argument: Any) -> None:
        if opcode in LITERALS:
            self.stack.append(argument)
        elif opcode in CONSTANTS:
            self.stack.append(CONSTANTS[opcode])
        elif opcode in EMPTY:
            self.stack.append(EMPTY[opcode]())
        elif opcode in SHORT_TUPLES:
            self.stack.append(tuple(self._pop(SHORT_TUPLES[opcode])))
        else:
            operation = getattr(self, f"op_{opcode.lower()}", None)
            if operation is None:
                raise FqssError(f"pickle opcode {opcode} builds neither tensors nor plain data")
            operation(argument)

    def _pop(self, count: int) -> list[Any]:
        if count > len(self.stack) - (self.marks[-1] if self.marks else 0):
            raise FqssError("the pickle takes more values than it has")
        taken = self.stack[len(self.stack) - count :]
        del self.stack[len(self.stack) - count :]
        return taken

    def _pop_to_mark(self) -> list[Any]:
        values = self._pop(len(self.stack) - self.marks[-1])
        self.marks.pop()
        return values

    def _top(self, kind: type[Container]) -> Container:
        if not isinstance(self.stack[-1], kind):
            raise FqssError(f"the pickle fills a {type(self.stack[-1]).__name__} as a container")
        return self.stack[-1]

    def op_proto(self, version: int) -> None:
        if version > 5:
            raise FqssError(f"pickle protocol {version} is unknown")

    def op_frame(self, _: object) -> None:
        pass

    def op_mark(self, _: object) -> None:
        self.marks.append(len(self.stack))

    def op_stop(self, _: object) -> None:
        (self.result,) = self._pop(1)

    def op_pop_mark(self, _: object) -> None:
        self._pop_to_mark()

    def op_put(self, index: int) -> None:
        self.memo[index] = self.stack[-1]

    op_binput = op_long_binput = op_put

    def op_memoize(self, _: object) -> None:
        self.memo[len(self.memo)] = self.stack[-1]

    def op_get(self, index: int) -> None:
        self.stack.append(self.memo[index])

    op_binget = op_long_binget = op_get

    def op_tuple(self, _: object) -> None:
        values = self._pop_to_mark()
        self.stack.append(tuple(values))

    def op_list(self, _: object) -> None:
        values = self._pop_to_mark()
        self.stack.append(values)

    def op_dict(self, _: object) -> None:
        values = self._pop_to_mark()
        self.stack.append(_filled({}, values))

    def op_append(self, _: object) -> None:
        (value,) = self._pop(1)
        self._top(list).append(value)

    def op_appends(self, _: object) -> None:
        values = self._pop_to_mark()
        self._top(list).extend(values)

    def op_setitem(self, _: object) -> None:
        pair = self._pop(2)
        _filled(self._top(dict), pair)

    def op_setitems(self, _: object) -> None:
        values = self._pop_to_mark()
        _filled(self._top(dict), values)

    def op_global(self, argument: str) -> None:
        if not any(argument in known for known in (STORAGE_TYPES, CALLS, CLASSES)):
            raise FqssError(
                f"it names {argument.replace(' ', '.')[: 2 * MOST_TEXT]}, which is neither a "
                "tensor nor plain data, and is not loaded: save the state_dict alone"
            )
        self.stack.append(Name(argument))

    def op_stack_global(self, _: object) -> None:
        module, name = self._pop(2)
        # A container that holds itself many times is a few bytes here, and gigabytes as text.
        if not isinstance(module, str) or not isinstance(name, str):
            raise FqssError("the pickle names something by what is no text")
        self.op_global(f"{module} {name}")

    def op_binpersid(self, _: object) -> None:
        (identity,) = self._pop(1)
        match identity:
            case ("storage", Name(text), str(key), str(), int(size), *rest) if (
                text in STORAGE_TYPES and size >= 0 and rest in ([], [None])
            ):
                storage = Storage(key, STORAGE_TYPES[text], size, self.read_storage)
                known = self.storages.setdefault(key, storage)
                if known != storage:
                    raise FqssError(f"storage {key} has two types or sizes")
                self.stack.append(known)
            case _:
                raise FqssError("the pickle refers to something that is no tensor storage")

    def op_reduce(self, _: object) -> None:
        called, arguments = self._pop(2)
        if not isinstance(called, Name) or called.text not in CALLS:
            raise FqssError(f"the pickle calls a {type(called).__name__}")
        if not isinstance(arguments, tuple):
            raise FqssError(f"{called.text} is called without a tuple of arguments")
        self.stack.append(CALLS[called.text](*arguments))

    op_newobj = op_reduce

    def op_build(self, _: object) -> None:
        # PyTorch hangs version numbers on a state_dict, and numpy its byte order on a type.
        (state,) = self._pop(1)
        if not isinstance(self.stack[-1], NumberType):
            self._top(dict)
        elif not isinstance(state, tuple) or state[1:2] not in (("<",), ("|",)):
            raise FqssError("the pickle has numbers in the byte order of another machine")


def _filled(target: dict[str | int, Any], values: Sequence[Any]) -> dict[str | int, Any]:
    if len(values) % 2:
        raise FqssError("the pickle has a key without a value")
    for key, value in zip(values[::2], values[1::2], strict=True):
        if not isinstance(key, str | int):
            raise FqssError(f"a dictionary key is a {type(key).__name__}, not text or a number")
        target[key] = value
    return target


def _ordered_dict(pairs: Sequence[Any] = ()) -> dict[str | int, Any]:
    return _filled({}, [item for pair in pairs for item in _pair(pair)])


def _pair(pair: Any) -> Sequence[Any]:
    if not isinstance(pair, list | tuple) or len(pair) != 2:
        raise FqssError("the pickle fills a dictionary with something else than pairs")
    return pair


def _tensor(storage: Any, offset: Any, shape: Any, strides: Any, *_: object) -> Tensor:
    if not isinstance(shape, tuple) or not isinstance(strides, tuple):
        raise FqssError("the pickle makes a tensor without a shape")
    whole = (offset, *shape, *strides)
    if not isinstance(storage, Storage) or not all(type(number) is int for number in whole):
        raise FqssError("the pickle makes a tensor of something that is no storage")
    if min(whole) < 0 or len(shape) != len(strides) or len(shape) > MOST_DIMENSIONS:
        raise FqssError("a tensor has an impossible shape")
    tensor = Tensor(storage, offset, shape, strides)
    # A stride of 0 makes a huge tensor of a few numbers.
    last = offset + sum((n - 1) * stride for n, stride in zip(shape, strides, strict=True))
    if tensor.size and (last >= storage.size or tensor.size > storage.size):
        raise FqssError(f"a tensor of shape {shape} is larger than its storage of {storage.size}")
    return tensor


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise FqssError("the pickle makes a version of something that is no text")
    return value


def _fraction(*parts: Any) -> float:
    """The value of a fractions.Fraction: of its text, or of two whole numbers."""
    if len(parts) == 1 and isinstance(parts[0], str) and len(parts[0]) <= MOST_TEXT:
        return float(Fraction(parts[0]))
    if len(parts) != 2 or not all(type(part) is int for part in parts) or not parts[1]:
        raise FqssError("the pickle makes a fraction of something that is none")
    return float(parts[0] / parts[1])


def _parameter(tensor: Any, *_: object) -> Tensor:
    if not isinstance(tensor, Tensor):
        raise FqssError("the pickle makes a parameter of something that is no tensor")
    return tensor


def _encoded(text: Any, encoding: Any) -> bytes:
    if not isinstance(text, str) or encoding != "latin1":
        raise FqssError("the pickle makes bytes of something that is no text")
    if len(text) > MOST_TEXT:
        raise FqssError(f"the pickle makes {len(text)} bytes where a number has 8 at most")
    return text.encode("latin1")


def _number_type(kind: Any, *_: object) -> NumberType:
    if not isinstance(kind, str):
        raise FqssError("the pickle has numbers of a type that is no text")
    if kind not in NUMBER_KINDS:
        raise FqssError(f"the pickle has numbers of the type {kind[:MOST_TEXT]}")
    return NumberType(kind)


def _number(kind: Any, content: Any) -> float | int | bool:
    """What numpy calls a scalar, as Python's own number."""
    if not isinstance(kind, NumberType) or not isinstance(content, bytes):
        raise FqssError("the pickle makes a number of something that is none")
    (number,) = np.frombuffer(content, np.dtype(kind.kind).newbyteorder("<")).tolist()
    return number


CALLS: dict[str, Callable[..., Any]] = {
    "_codecs encode": _encoded,
    "collections OrderedDict": _ordered_dict,
    "numpy dtype": _number_type,
    "numpy.core.multiarray scalar": _number,
    "numpy._core.multiarray scalar": _number,
    "torch._utils _rebuild_tensor": _tensor,
    "torch._utils _rebuild_tensor_v2": _tensor,
    "torch._utils _rebuild_parameter": _parameter,
    "torch.torch_version TorchVersion": _text,
    "fractions Fraction": _fraction,
}
