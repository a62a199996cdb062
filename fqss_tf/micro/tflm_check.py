"""A model in TFLite Micro on this computer, compared with the reference kernels bit by bit."""

import contextlib
import os
import re
import sys
import tempfile
from collections.abc import Iterable, Iterator
from typing import IO, Any, NamedTuple

import numpy as np

from fqss_tf.errors import FqssError
from fqss_tf.micro.golden import Step
from fqss_tf.micro.graph import StepGraph

INSTALL = "pip install 'fqss-tf[mcu]'"
MOST_ARENA = 16 * 2**20
SECTION = re.compile(r"Arena allocation (total|head|tail) (\d+) bytes")


class Arena(NamedTuple):
    """Bytes of TFLM's arena, on a 64-bit computer; a microcontroller needs somewhat less.

    ``head`` is what tensors share, ``tail`` what stays: descriptions of tensors and ops.
    """

    total: int
    head: int
    tail: int


def is_installed() -> bool:
    """Returns whether TFLite Micro is there."""
    try:
        from tflite_micro import runtime  # noqa: F401
    except ImportError:
        return False
    return True


def check_in_tflm(content: bytes, graph: StepGraph, steps: Iterable[Step]) -> Arena:
    """Runs a stream in TFLM and compares all stages and states of every step.

    Args:
        content: of the file.
        graph: of the same file.
        steps: of the reference kernels.

    Returns:
        The memory that it took.

    Raises:
        FqssError: TFLM refuses the model, or differs.
    """
    from tflite_micro import runtime

    with _as_one_line(graph.path):
        interpreter = runtime.Interpreter.from_bytes(content, arena_size=MOST_ARENA)
        silence = [graph.tensors[state.input] for state in graph.states]
        states = [np.full(tensor.shape, tensor.zero_point, np.int8) for tensor in silence]
        for number, step in enumerate(steps):
            stages, states = _step(interpreter, graph, step, states)
            names = [f"stage_{plane}" for plane in range(len(stages))]
            names += [state.name for state in graph.states]
            for name, made, expected in zip(
                names, [*stages, *states], [*step.stages, *step.states], strict=True
            ):
                wrong = int(np.count_nonzero(made.ravel() != expected.ravel()))
                if wrong:
                    raise FqssError(
                        f"{graph.path} is not kept: in TFLM {wrong} values of {name} differ from "
                        f"the reference kernels in step {number}"
                    )
        return _arena(interpreter)


def _step(
    interpreter: Any, graph: StepGraph, step: Step, states: list[np.ndarray]
) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """Stages and states of a step; all inputs are written before, all outputs read behind it."""
    interpreter.set_input(step.mixture[None, None], graph.inputs.index(graph.mixture))
    for state, value in zip(graph.states, states, strict=True):
        interpreter.set_input(value, graph.inputs.index(state.input))
    interpreter.invoke()
    stages = [interpreter.get_output(graph.outputs.index(stage)) for stage in graph.stages]
    return stages, [
        interpreter.get_output(graph.outputs.index(state.output)) for state in graph.states
    ]


def _arena(interpreter: Any) -> Arena:
    with _standard_error() as log:
        interpreter.print_allocations()
        log.seek(0)
        found = {name: int(size) for name, size in SECTION.findall(log.read().decode())}
    return Arena(found["total"], found["head"], found["tail"])


@contextlib.contextmanager
def _standard_error() -> Iterator[IO[bytes]]:
    """Catches what C++ writes to stderr in a file."""
    with tempfile.TemporaryFile() as log:
        sys.stderr.flush()
        kept = os.dup(2)
        os.dup2(log.fileno(), 2)
        try:
            yield log
        finally:
            os.dup2(kept, 2)
            os.close(kept)


@contextlib.contextmanager
def _as_one_line(path: str) -> Iterator[None]:
    try:
        yield
    except (RuntimeError, ValueError) as error:
        reason = " ".join(str(error).split())
        raise FqssError(f"{path} cannot be run by TFLM: {reason}") from error
