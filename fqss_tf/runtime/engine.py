"""One .tflite model in LiteRT: one segment in, one segment per source out."""

import threading
from typing import Any, TypeAlias

import numpy as np
from ai_edge_litert.interpreter import Interpreter
from numpy.typing import NDArray

from fqss_tf.errors import FqssError
from fqss_tf.runtime import planes
from fqss_tf.runtime.interpreter import (
    INPUT,
    check_tensors,
    open_interpreter,
    refusals,
    signature_tensors,
)
from fqss_tf.tflite.file import FileLike, TfliteFile
from fqss_tf.types import Sources, Waveform

GraphNumbers: TypeAlias = NDArray[np.int8] | NDArray[np.int16] | NDArray[np.float32]

DTYPES: dict[str, type[np.int8] | type[np.int16]] = {
    "int8": np.int8,
    "int16x8": np.int16,
}  # every other type has float32 inputs and outputs


class SegmentEngine:
    """Runs the graph of a model that takes whole segments.

    Threads may share an engine: an interpreter holds the numbers of the segment that it runs, so
    each thread gets its own at its first segment. LiteRT lets other threads run meanwhile.

    Args:
        file: the .tflite file, open already or by its path.
        num_threads: CPU threads of the interpreter.
        reference_kernels: use the slow, plain kernels, to which the fast ones are compared.

    Raises:
        FqssError: the file is missing, damaged or foreign, a streaming model, or breaks the
            input/output contract.
    """

    def __init__(
        self, file: FileLike, num_threads: int = 1, reference_kernels: bool = False
    ) -> None:
        file = TfliteFile.open(file)
        self.metadata = file.metadata  # checks the graph, so it comes before LiteRT
        self._content: bytes | None = file.content
        if self.metadata.is_streaming:
            raise FqssError(
                f"{file.path} is a streaming model, for streams: convert its run without --stream "
                "for whole recordings"
            )
        self._path, self._options = file.path, (num_threads, reference_kernels)
        self._dtype = DTYPES.get(self.metadata.type, np.float32)
        self._of_thread = threading.local()
        inputs, outputs = signature_tensors(file.path, self._interpreter())
        read, given = check_tensors(file.path, self.metadata, self._dtype, inputs, outputs)
        self._inputs = [inputs[name]["index"] for name in read]
        self._outputs = [outputs[name]["index"] for name in given]
        self._input_scale = inputs[INPUT]["quantization"][0]
        self._output_scale = outputs["stage_0"]["quantization"][0]

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in vars(self).items() if name != "_of_thread"}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state, _of_thread=threading.local())

    def close(self) -> None:
        """Frees the interpreters; the engine cannot run any more."""
        self._content, self._of_thread = None, threading.local()

    def _run(self, *inputs: GraphNumbers) -> list[GraphNumbers]:
        """Runs the graph on its own numbers: inputs and outputs as the graph has them.

        Raises:
            FqssError: the engine is closed, or LiteRT refuses to run the graph.
        """
        interpreter = self._interpreter()
        with refusals(self._path):
            interpreter.reset_all_variables()  # an LSTM would go on from the segment before
            for index, values in zip(self._inputs, inputs, strict=True):
                interpreter.set_tensor(index, values)
            interpreter.invoke()
            return [interpreter.get_tensor(output) for output in self._outputs]

    def _interpreter(self) -> Interpreter:
        """The interpreter of the thread that asks."""
        if not hasattr(self._of_thread, "interpreter"):
            if self._content is None:
                raise FqssError(f"{self._path} was closed: open it again")
            self._of_thread.interpreter = open_interpreter(
                self._path, self._content, *self._options
            )
        return self._of_thread.interpreter


class Engine(SegmentEngine):
    """Runs a model on segments of exactly ``metadata.segment`` samples; as ``SegmentEngine``."""

    def __init__(
        self, file: FileLike, num_threads: int = 1, reference_kernels: bool = False
    ) -> None:
        super().__init__(file, num_threads, reference_kernels)
        if self.metadata.spectrogram is not None:
            raise FqssError(
                f"{self._path} is a model over spectrograms: fqss-tf separate and evaluate take it"
            )
        if self.metadata.channels > 1:
            raise FqssError(
                f"{self._path} is a model of two channels: fqss-tf separate and evaluate take it"
            )

    def forward(self, segment: Waveform) -> Sources:
        """Separates one segment of peak <= 1: float32 [segment] -> float32 [sources, segment]."""
        if self._dtype is np.int8:
            outputs = self.run_planes(planes.split(segment, self.metadata.input_planes))
        elif self._dtype is np.int16:
            steps = np.clip(np.round(segment / self._input_scale), -(2**15), 2**15 - 1)
            outputs = self.run_planes(steps[:, np.newaxis].astype(np.int16))
        else:
            outputs = self.run_planes(segment[:, np.newaxis].astype(np.float32))
        if self._dtype is np.float32:
            return outputs[0].astype(np.float32)
        if self._dtype is np.int16:
            return (outputs[0] * self._output_scale).astype(np.float32)
        return planes.combine(np.stack(outputs, axis=-1))

    def forward_int16(self, segment: NDArray[np.int16]) -> NDArray[np.int16]:
        """Separates one segment in integers, where ``metadata.takes_int16``.

        Args:
            segment: int16 [segment], of peak 32767 or so.

        Returns:
            int16 [sources, segment].
        """
        return planes.combine_int16(np.stack(self.run_planes(planes.split_int16(segment)), axis=-1))

    def run_planes(self, inputs: GraphNumbers) -> list[GraphNumbers]:
        """Runs the graph on its own numbers.

        Args:
            inputs: [segment, input_planes] in the graph's input type (int8 for an int8 model).

        Returns:
            One array [sources, segment] per output plane, in the graph's output type.

        Raises:
            FqssError: the engine is closed, or LiteRT refuses to run the graph.
        """
        return [output[0, :, :, 0] for output in self._run(inputs[np.newaxis, np.newaxis])]
