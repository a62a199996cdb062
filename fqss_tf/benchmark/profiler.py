"""Time per op, from the profiler in LiteRT's C library, which its Python classes do not offer.

Structures and option texts are those of litert/c of ai-edge-litert 2.3: litert_profiler_event.h,
litert_model_types.h, litert_layout.h, options/litert_runtime_options.cc, litert_cpu_options.cc.
"""

from __future__ import annotations

import ctypes
import dataclasses
import time
from collections.abc import Iterable
from importlib import metadata
from pathlib import Path
from typing import Literal

import numpy as np

from fqss_tf.benchmark.apart import Apart, Channel
from fqss_tf.benchmark.subjects import random_input
from fqss_tf.errors import FqssError
from fqss_tf.types import PathLike

WARM_UP = 3
CPU = 1
HOST_MEMORY = 1
LOCK_FOR_WRITING = 1
NUMPY_TYPES: dict[int, type[np.generic]] = {
    1: np.float32, 2: np.int32, 3: np.uint8, 4: np.int64, 7: np.int16, 9: np.int8,
}
# Event types: the whole invocation (among others), one op, one op inside a delegate.
GENERAL, OPERATOR, DELEGATE_OPERATOR = 1, 2, 8

Handle = ctypes.c_void_p


class _Layout(ctypes.Structure):
    _fields_ = [
        ("rank", ctypes.c_uint, 7),
        ("has_strides", ctypes.c_uint, 1),
        ("dimensions", ctypes.c_int32 * 8),
        ("strides", ctypes.c_uint32 * 8),
    ]


class _TensorType(ctypes.Structure):
    _fields_ = [("element_type", ctypes.c_int), ("layout", _Layout)]


class _MemoryUsage(ctypes.Structure):
    _fields_ = [("total", ctypes.c_size_t), ("used", ctypes.c_size_t), ("own", ctypes.c_size_t)]


class _Event(ctypes.Structure):
    _fields_ = [
        ("tag", ctypes.c_char_p),
        ("type", ctypes.c_int),
        ("start_us", ctypes.c_uint64),
        ("elapsed_us", ctypes.c_uint64),
        ("memory_at_begin", _MemoryUsage),
        ("memory_at_end", _MemoryUsage),
        ("index", ctypes.c_uint64),
        ("extra", ctypes.c_uint64),
        ("source", ctypes.c_int),
    ]


@dataclasses.dataclass(frozen=True)
class OpEvent:
    """One op of one invocation.

    ``name`` and ``index`` are XNNPACK's and count inside a partition when ``in_xnnpack``; else they
    are the op's in the file. Times are whole microseconds, cut off.
    """

    name: str
    index: int
    in_xnnpack: bool
    milliseconds: float


@dataclasses.dataclass(frozen=True)
class Profile:
    """What the profiler saw.

    ``invocations``: a list of OpEvents, in order of execution, for each; ``milliseconds``: what
    each invocation took as a whole.
    """

    invocations: tuple[list[OpEvent], ...]
    milliseconds: tuple[float, ...]


def profile(path: PathLike, threads: int, runs: int) -> Profile:
    """Runs a .tflite under the profiler, in a process of its own.

    Args:
        path: the file; its offsets are checked already.
        threads: CPU threads.
        runs: profiled invocations.

    Returns:
        A :class:`Profile`.

    Raises:
        FqssError: LiteRT cannot run the model, or its profiler is not as this code knows it.
    """
    with Apart(str(path), _serve, str(path), threads, runs) as child:
        return child.receive()


def _serve(channel: Channel, path: str, threads: int, runs: int) -> None:
    with _CompiledModel(path, threads) as model:
        for _ in range(WARM_UP):
            model.run()
        model.start_profiler()
        milliseconds = []
        for _ in range(runs):
            started = time.perf_counter()
            model.run()
            milliseconds.append((time.perf_counter() - started) * 1000)
        invocations = _by_invocation(model.events())
    if len(invocations) != runs or len({_sequence(ops) for ops in invocations}) != 1:
        raise FqssError(
            f"the profiler of LiteRT {metadata.version('ai-edge-litert')} reports "
            f"{len(invocations)} invocations for {runs}, or different ones: use version 2.3"
        )
    channel.send(Profile(tuple(invocations), tuple(milliseconds)))


def _sequence(ops: Iterable[OpEvent]) -> tuple[tuple[str, int], ...]:
    return tuple((op.name, op.index) for op in ops)


def _by_invocation(events: Iterable[_Event]) -> list[list[OpEvent]]:
    invocations: list[list[OpEvent]] = []
    for event in events:
        name = event.tag.decode()
        if event.type == GENERAL and name == "Invoke":
            invocations.append([])
        elif event.type in (OPERATOR, DELEGATE_OPERATOR):
            invocations[-1].append(OpEvent(
                name, event.index, event.type == DELEGATE_OPERATOR, event.elapsed_us / 1000
            ))
    return invocations


class _CompiledModel:
    """A .tflite in LiteRT's C interface, with random inputs, on the CPU."""

    def __init__(self, path: str, threads: int) -> None:
        import ai_edge_litert

        self._library = ctypes.CDLL(str(Path(ai_edge_litert.__file__).with_name("libLiteRt.so")))
        self._options_text = [
            # The library keeps pointers to both.
            (b"runtime_options_string", ctypes.create_string_buffer(b"enable_profiling = true\n")),
            (b"xnnpack", ctypes.create_string_buffer(b"num_threads = %d\n" % threads)),
        ]
        self._keep_text = ctypes.CFUNCTYPE(None, Handle)(lambda _: None)
        self._environment = self._new("LiteRtCreateEnvironment", 0, None)
        self._file = self._new("LiteRtCreateModelFromFile", self._environment, path.encode())
        self._model = self._new(
            "LiteRtCreateCompiledModel", self._environment, self._file, self._options()
        )
        signature = self._new("LiteRtGetModelSignature", self._file, ctypes.c_size_t(0))
        self._inputs = self._buffers(signature, "Input")
        self._outputs = self._buffers(signature, "Output")
        self._profiler = self._new("LiteRtCompiledModelGetProfiler", self._model)

    def __enter__(self) -> _CompiledModel:
        return self

    def __exit__(self, *_: object) -> None:
        for buffer in (*self._inputs, *self._outputs):
            self._library.LiteRtDestroyTensorBuffer(Handle(buffer))
        self._library.LiteRtDestroyCompiledModel(self._model)
        self._library.LiteRtDestroyModel(self._file)
        self._library.LiteRtDestroyEnvironment(self._environment)

    def run(self) -> None:
        """One invocation."""
        self._call(
            "LiteRtRunCompiledModel", self._model, ctypes.c_size_t(0),
            ctypes.c_size_t(len(self._inputs)), self._inputs,
            ctypes.c_size_t(len(self._outputs)), self._outputs,
        )

    def start_profiler(self) -> None:
        """Records from the next invocation on."""
        self._call("LiteRtStartProfiler", self._profiler)

    def events(self) -> ctypes.Array[_Event]:
        """What was recorded: an array of ``_Event``."""
        self._call("LiteRtStopProfiler", self._profiler)
        count = ctypes.c_int()
        self._call("LiteRtGetNumProfilerEvents", self._profiler, ctypes.byref(count))
        events = (_Event * count.value)()
        self._call("LiteRtGetProfilerEvents", self._profiler, count, events)
        return events

    def _options(self) -> Handle:
        options = self._new("LiteRtCreateOptions")
        self._call("LiteRtSetOptionsHardwareAccelerators", options, CPU)
        for identifier, text in self._options_text:
            group = self._new("LiteRtCreateOpaqueOptions", identifier, text, self._keep_text)
            self._call("LiteRtAddOpaqueOptions", options, group)
        return options

    def _buffers(self, signature: Handle, side: Literal["Input", "Output"]) -> ctypes.Array[Handle]:
        count = ctypes.c_size_t()
        self._call(f"LiteRtGetNumSignature{side}s", signature, ctypes.byref(count))
        buffers = []
        for index in map(ctypes.c_size_t, range(count.value)):
            tensor = self._new(f"LiteRtGetSignature{side}TensorByIndex", signature, index)
            tensor_type = _TensorType()
            self._call("LiteRtGetRankedTensorType", tensor, ctypes.byref(tensor_type))
            needs = self._new(
                f"LiteRtGetCompiledModel{side}BufferRequirements", self._model,
                ctypes.c_size_t(0), index,
            )
            size = ctypes.c_size_t()
            self._call(
                "LiteRtGetTensorBufferRequirementsBufferSize", needs, ctypes.byref(size)
            )
            buffer = self._new(
                "LiteRtCreateManagedTensorBuffer", self._environment, HOST_MEMORY,
                ctypes.byref(tensor_type), size,
            )
            if side == "Input":
                self._fill(buffer, tensor_type)
            buffers.append(buffer)
        return (Handle * count.value)(*buffers)

    def _fill(self, buffer: Handle, tensor_type: _TensorType) -> None:
        if tensor_type.element_type not in NUMPY_TYPES:
            raise FqssError(f"it has inputs of LiteRT's type {tensor_type.element_type}")
        shape = tensor_type.layout.dimensions[: tensor_type.layout.rank]
        values = random_input(shape, NUMPY_TYPES[tensor_type.element_type]).tobytes()
        address = self._new("LiteRtLockTensorBuffer", buffer, last=(LOCK_FOR_WRITING,))
        ctypes.memmove(address, values, len(values))
        self._call("LiteRtUnlockTensorBuffer", buffer)

    def _new(self, name: str, *arguments: object, last: tuple[int, ...] = ()) -> Handle:
        """What a function hands out through a pointer behind its other arguments."""
        handle = Handle()
        self._call(name, *arguments, ctypes.byref(handle), *last)
        return handle

    def _call(self, name: str, *arguments: object) -> None:
        status = getattr(self._library, name)(*arguments)
        if status:
            raise FqssError(f"{name} of LiteRT fails with status {status}")
