"""What can be timed: a .tflite, a run in Keras, a recipe's network in PyTorch."""

import abc
import dataclasses
import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fqss_tf.errors import FqssError
from fqss_tf.models.registry import network_of
from fqss_tf.models.sizes import EncoderSizes
from fqss_tf.tflite.file import FileLike, TfliteFile
from fqss_tf.types import IntArray, PathLike


@dataclasses.dataclass(frozen=True, kw_only=True)
class Subject(abc.ABC):
    """A model, described so that a fresh process can load it.

    ``seconds`` of audio at ``rate`` Hz are computed by one call; None when the model does not say.
    ``macs`` are the multiply-accumulates of one call, ``file_bytes`` the size of the file, each
    None where there is no .tflite. ``scored`` is the path to score the separation of, None with
    random weights. A streaming model has a ``latency`` in seconds and ``state_bytes``, others None.
    """

    name: str
    runtime: str
    seconds: float | None
    rate: int | None = None
    file_bytes: int | None = None
    macs: int | None = None
    scored: Path | None = None
    latency: float | None = None
    state_bytes: int | None = None

    @abc.abstractmethod
    def prepare(self) -> None:
        """Imports the runtime, whose memory is not the model's."""

    @abc.abstractmethod
    def load(self, threads: int) -> Callable[[], object]:
        """Gives a function that runs the model once, on random input."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class TfliteSubject(Subject):
    """A .tflite in LiteRT with XNNPACK, as it comes."""

    path: Path

    def prepare(self) -> None:
        """Imports LiteRT."""
        import ai_edge_litert.interpreter  # noqa: F401

    def load(self, threads: int) -> Callable[[], object]:
        """Gives a function that sets the inputs and invokes; the file is mapped, not copied."""
        from ai_edge_litert.interpreter import Interpreter

        interpreter = Interpreter(model_path=str(self.path), num_threads=threads)
        interpreter.allocate_tensors()
        inputs = [
            (detail["index"], random_input(detail["shape"], detail["dtype"]))
            for detail in interpreter.get_input_details()
        ]

        def invoke() -> None:
            # Their memory may hold other tensors by the end of an invocation.
            for index, values in inputs:
                interpreter.set_tensor(index, values)
            interpreter.invoke()

        return invoke


@dataclasses.dataclass(frozen=True, kw_only=True)
class StepSubject(TfliteSubject):
    """A streaming model as a stream runs it: one step of 16-bit samples is pushed."""

    def prepare(self) -> None:
        """Imports the runtime."""
        import fqss_tf.runtime  # noqa: F401

    def load(self, threads: int) -> Callable[[], object]:
        """Gives a function that pushes one step and takes its estimates."""
        from fqss_tf.runtime import StreamingSeparator

        separator = StreamingSeparator(self.path, threads)
        step = random_input([separator.metadata.segment], np.int16)
        return lambda: separator.push(step)


@dataclasses.dataclass(frozen=True, kw_only=True)
class RunSubject(Subject):
    """The Keras graph of a run folder, compiled by TensorFlow as ``evaluate`` has it."""

    path: Path
    samples: int

    def prepare(self) -> None:
        """Imports TensorFlow."""
        import fqss_tf.runs.run  # noqa: F401

    def load(self, threads: int) -> Callable[[], object]:
        """Gives a function that separates one segment."""
        import tensorflow as tf

        from fqss_tf.models.registry import network_of
        from fqss_tf.runs.run import Run

        tf.config.threading.set_intra_op_parallelism_threads(threads)
        tf.config.threading.set_inter_op_parallelism_threads(threads)
        run = Run(self.path)
        separate = network_of(run.config).separation(run.model(), run.config, self.samples)
        mixture = random_input([self.samples], np.float32)
        return lambda: separate(mixture)


@dataclasses.dataclass(frozen=True, kw_only=True)
class TorchSubject(Subject):
    """A recipe's network in PyTorch, in eager mode, with random weights."""

    config: EncoderSizes
    samples: int

    def prepare(self) -> None:
        """Imports PyTorch."""
        import torch  # noqa: F401

    def load(self, threads: int) -> Callable[[], object]:
        """Gives a function that separates one segment."""
        import torch

        plain = network_of(self.config).plain
        if plain is None:
            raise FqssError(f"{self.name} has no form in PyTorch")
        torch.set_num_threads(threads)
        network = plain.module(self.config).eval()
        mixture = torch.from_numpy(random_input([1, self.samples], np.float32))

        def separate() -> None:
            with torch.inference_mode():
                network(mixture)

        return separate


def random_input(shape: Sequence[int] | IntArray, dtype: type[np.generic]) -> NDArray[Any]:
    """Makes seeded noise: integers over the range of their type, floats from -1 to 1."""
    # Any, because NumPy's types want to know which integers.
    generator: Any = np.random.default_rng(0)
    if issubclass(dtype, np.integer):
        limits = np.iinfo(dtype)
        return generator.integers(limits.min, limits.max, shape, dtype, endpoint=True)
    return generator.uniform(-1, 1, shape).astype(dtype)


def tflite_subject(
    file: FileLike, name: str | None = None, seconds: float | None = None, scored: bool = False
) -> TfliteSubject:
    """Describes a .tflite file, of this project or of any other.

    Args:
        file: the file, open already or by its path.
        name: as shown; that of the file if None.
        seconds: of audio per call, for a file without a description.
        scored: whether its separation means something.

    Raises:
        FqssError: the file is missing, damaged, or not a .tflite.
    """
    file = TfliteFile.open(file)
    kind, rate = TfliteSubject, None
    of_step: dict[str, Any] = {}
    if file.is_described:
        metadata = file.metadata
        seconds, rate = metadata.segment / metadata.sample_rate, metadata.sample_rate
        if metadata.is_streaming:
            states = (tensor for tensor in file.report.inputs if tensor.name in metadata.states)
            kind = StepSubject
            of_step = {
                "latency": metadata.latency / metadata.sample_rate,
                "state_bytes": sum(math.prod(state.shape) for state in states),
            }
    return kind(
        name=name or file.name,
        runtime="LiteRT",
        seconds=seconds,
        rate=rate,
        file_bytes=len(file.content),
        macs=file.report.macs,
        scored=file.path if file.is_described and scored else None,
        path=file.path,
        **of_step,
    )


def run_subject(path: PathLike) -> RunSubject:
    """Describes a run folder, timed on segments of its training length.

    Raises:
        FqssError: not a run folder, or nothing trained in it.
    """
    from fqss_tf.runs.folder import RunFolder

    path = Path(path)
    recipe = RunFolder(path).recipe
    samples, rate = recipe.segment(), recipe.data.sample_rate
    return RunSubject(
        name=str(path), runtime="TensorFlow", seconds=samples / rate, rate=rate, scored=path,
        path=path, samples=samples,
    )
