"""A streaming model in LiteRT: a few samples in, as many per source out, and what it remembers."""

from typing import Any

import numpy as np
from ai_edge_litert.interpreter import Interpreter
from numpy.typing import NDArray

from fqss_tf.errors import FqssError
from fqss_tf.runtime.interpreter import (
    INPUT,
    check_tensors,
    open_interpreter,
    refusals,
    signature_tensors,
)
from fqss_tf.tflite.file import FileLike, TfliteFile
from fqss_tf.types import PlaneArray


class StreamingEngine:
    """Runs a streaming model on steps of ``metadata.segment`` samples, one stream at a time.

    Args:
        file: the .tflite file, open already or by its path.
        num_threads: CPU threads of the interpreter.
        reference_kernels: use the slow, plain kernels, to which the fast ones are compared.

    Raises:
        FqssError: the file is missing, damaged or foreign, no streaming model, or breaks the
            input/output contract.
    """

    def __init__(
        self, file: FileLike, num_threads: int = 1, reference_kernels: bool = False
    ) -> None:
        file = TfliteFile.open(file)
        self.metadata = file.metadata  # checks the graph, so it comes before LiteRT
        if not self.metadata.is_streaming:
            raise FqssError(
                f"{file.path} takes whole segments: convert a causal run with --stream for "
                "streams"
            )
        self._path = file.path
        self._source = (file.path, file.content, num_threads, reference_kernels)
        self._interpreter: Interpreter | None = open_interpreter(*self._source)
        inputs, outputs = signature_tensors(file.path, self._interpreter)
        _, names = check_tensors(file.path, self.metadata, np.int8, inputs, outputs)
        self._input = inputs[INPUT]["index"]
        self._outputs = [outputs[name]["index"] for name in names]
        self._states = [
            (inputs[name]["index"], outputs[name]["index"]) for name in self.metadata.states
        ]
        # The real number 0: what the network for whole recordings pads with.
        self._silence = [
            np.full(inputs[name]["shape"], inputs[name]["quantization"][1], np.int8)
            for name in self.metadata.states
        ]
        self.reset()

    def __getstate__(self) -> dict[str, Any]:
        return vars(self) | {"_interpreter": self._interpreter is not None}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state)
        self._interpreter = open_interpreter(*self._source) if state["_interpreter"] else None

    @property
    def state_bytes(self) -> int:
        """Bytes that are remembered from step to step."""
        return sum(state.nbytes for state in self._silence)

    @property
    def states(self) -> list[NDArray[np.int8]]:
        """What the next step reads, in the order of the description."""
        return self._values

    def reset(self) -> None:
        """Forgets the stream so far."""
        self._values = self._silence

    def close(self) -> None:
        """Frees the interpreter; the engine cannot run any more."""
        self._interpreter = None
        self._source = (self._path, b"", 1, False)

    def run_planes(self, inputs: PlaneArray) -> list[PlaneArray]:
        """Runs one step on the graph's own numbers.

        Args:
            inputs: int8 [step, input_planes].

        Returns:
            One int8 array [sources, step] per output plane, ``metadata.algorithmic_delay`` samples
            behind.

        Raises:
            FqssError: the engine is closed, or LiteRT refuses to run the graph.
        """
        if self._interpreter is None:
            raise FqssError(f"{self._path} was closed: open it again")
        with refusals(self._path):
            self._interpreter.set_tensor(self._input, inputs[np.newaxis, np.newaxis])
            for (index, _), value in zip(self._states, self._values, strict=True):
                self._interpreter.set_tensor(index, value)
            self._interpreter.invoke()
            self._values = [self._interpreter.get_tensor(index) for _, index in self._states]
            return [self._interpreter.get_tensor(output)[0, :, :, 0] for output in self._outputs]
