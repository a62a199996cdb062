"""One .tflite model in LiteRT: one segment in, one segment per source out."""

import contextlib
import threading

import numpy as np
from ai_edge_litert.interpreter import Interpreter, OpResolverType

from fqss_tf.errors import FqssError
from fqss_tf.runtime import planes
from fqss_tf.runtime.metadata import read_metadata

SIGNATURE = "serving_default"
INPUT = "mixture"
DTYPES = {"int8": np.int8, "int16x8": np.int16}  # every other type has float32 inputs and outputs
INT8_SCALE = 2.0**-7


class Engine:
    """Runs a model on segments of exactly ``metadata.segment`` samples.

    Threads may share an engine: an interpreter holds the numbers of the segment that it runs, so
    each thread gets its own at its first segment. LiteRT lets other threads run meanwhile.

    Args:
        path: the .tflite file.
        num_threads: CPU threads of the interpreter.
        reference_kernels: use the slow, plain kernels, to which the fast ones are compared.

    Raises:
        FqssError: the file is missing, damaged or foreign, or breaks the input/output contract.
    """

    def __init__(self, path, num_threads=1, reference_kernels=False):
        # The checked bytes themselves go to the interpreter, so a file that is replaced in
        # between cannot slip past the checks.
        self.metadata, self._content = read_metadata(path)
        self._path, self._num_threads = path, num_threads
        self._resolver = (
            OpResolverType.BUILTIN_REF if reference_kernels else OpResolverType.AUTO
        )
        self._dtype = DTYPES.get(self.metadata.type, np.float32)
        self._of_thread = threading.local()
        with self._refusals():
            signature = self._interpreter().get_signature_runner(SIGNATURE)
            inputs, outputs = signature.get_input_details(), signature.get_output_details()
        self._input, self._outputs = self._check_contract(path, inputs, outputs)
        self._input_scale = inputs[INPUT]["quantization"][0]
        self._output_scale = outputs["stage_0"]["quantization"][0]

    @property
    def takes_int16(self):
        """Whether 16-bit samples are what the graph computes on: two int8 planes each way."""
        stages = (self.metadata.input_stages, self.metadata.output_stages)
        return self._dtype is np.int8 and stages == (2, 2)

    def close(self):
        """Frees the interpreters; the engine cannot run any more."""
        self._content, self._of_thread = None, threading.local()

    def forward(self, segment):
        """Separates one segment of peak <= 1: float32 [segment] -> float32 [sources, segment]."""
        if self._dtype is np.int8:
            inputs = planes.split(segment, self.metadata.input_stages)
        elif self._dtype is np.int16:
            inputs = np.clip(np.round(segment / self._input_scale), -(2**15), 2**15 - 1)
            inputs = inputs[:, np.newaxis]
        else:
            inputs = segment[:, np.newaxis]
        stages = self.run_planes(inputs.astype(self._dtype))
        if self._dtype is np.float32:
            return stages[0].astype(np.float32)
        if self._dtype is np.int16:
            return (stages[0] * self._output_scale).astype(np.float32)
        return planes.combine(np.stack(stages, axis=-1))

    def forward_int16(self, segment):
        """Where ``takes_int16``: int16 [segment] of peak 32767 -> int16 [sources, segment]."""
        return planes.combine_int16(np.stack(self.run_planes(planes.split_int16(segment)), axis=-1))

    def run_planes(self, inputs):
        """Runs the graph on its own numbers.

        Args:
            inputs: [segment, input_stages] in the graph's input type (int8 for an int8 model).

        Returns:
            One array [sources, segment] per output stage, in the graph's output type.
        """
        interpreter = self._interpreter()
        with self._refusals():
            interpreter.set_tensor(self._input, inputs[np.newaxis, np.newaxis])
            interpreter.invoke()
            return [interpreter.get_tensor(output)[0, :, :, 0] for output in self._outputs]

    def _interpreter(self):
        """The interpreter of the thread that asks."""
        if not hasattr(self._of_thread, "interpreter"):
            if self._content is None:
                raise FqssError(f"{self._path} was closed: open it again")
            with self._refusals():
                interpreter = Interpreter(
                    model_content=self._content,
                    num_threads=self._num_threads,
                    experimental_op_resolver_type=self._resolver,
                )
                interpreter.allocate_tensors()
            self._of_thread.interpreter = interpreter
        return self._of_thread.interpreter

    @contextlib.contextmanager
    def _refusals(self):
        try:
            yield
        except (RuntimeError, ValueError, TypeError) as error:
            reason = " ".join(str(error).split())
            raise FqssError(f"{self._path} cannot be run by LiteRT: {reason}") from error

    def _check_contract(self, path, inputs, outputs):
        metadata = self.metadata
        stage_names = [f"stage_{stage}" for stage in range(metadata.output_stages)]
        if set(inputs) != {INPUT} or set(outputs) != set(stage_names):
            raise FqssError(f"{path} has unexpected inputs or outputs: convert it anew")
        self._check_tensor(path, inputs[INPUT], (1, 1, metadata.segment, metadata.input_stages))
        for name in stage_names:
            shape = (1, len(metadata.sources), metadata.segment, 1)
            self._check_tensor(path, outputs[name], shape)
        return inputs[INPUT]["index"], [outputs[name]["index"] for name in stage_names]

    def _check_tensor(self, path, tensor, shape):
        found = tuple(int(size) for size in tensor["shape"])
        if found != shape or tensor["dtype"] is not self._dtype:
            raise FqssError(
                f"{path}: tensor {tensor['name']} is {tensor['dtype'].__name__} {found}, its "
                f"description says {self._dtype.__name__} {shape}: convert it anew"
            )
        scale, zero_point = tensor["quantization"]
        if self._dtype is np.int8 and (scale != INT8_SCALE or zero_point != 0):
            raise FqssError(
                f"{path}: tensor {tensor['name']} has scale {scale:g} and zero point {zero_point} "
                "instead of 1/128 and 0: convert it anew"
            )
