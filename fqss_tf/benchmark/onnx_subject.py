"""An ONNX model in onnxruntime, to be timed beside ours."""

import dataclasses
import importlib.util
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np

from fqss_tf.benchmark.subjects import Subject, random_input
from fqss_tf.errors import FqssError
from fqss_tf.types import PathLike

# Name, shape and type of an input.
Input: TypeAlias = tuple[str, tuple[int, ...], type[np.generic]]

TYPES: dict[str, type[np.generic]] = {
    "tensor(float)": np.float32, "tensor(float16)": np.float16, "tensor(double)": np.float64,
    "tensor(int8)": np.int8, "tensor(uint8)": np.uint8, "tensor(int16)": np.int16,
    "tensor(int32)": np.int32, "tensor(int64)": np.int64,
}


@dataclasses.dataclass(frozen=True, kw_only=True)
class OnnxSubject(Subject):
    """``inputs``: (name, shape, numpy type) of each input, every dimension a number."""

    path: Path
    inputs: tuple[Input, ...]

    def prepare(self) -> None:
        """Imports onnxruntime."""
        import onnxruntime  # noqa: F401

    def load(self, threads: int) -> Callable[[], object]:
        """Gives a function that runs the model once on the processor."""
        session = _session(self.path, threads)
        values = {name: random_input(shape, dtype) for name, shape, dtype in self.inputs}
        return lambda: session.run(None, values)


def onnx_subject(path: PathLike, seconds: float | None, rate: int | None) -> OnnxSubject:
    """Describes an ONNX model that is timed on so many seconds of audio.

    The last dimension of its first input is time. Where it is dynamic, it becomes ``seconds`` at
    ``rate`` (Hz); other dynamic dimensions become 1.

    Args:
        path: the file.
        seconds: of audio; None where the first model to be timed does not say.
        rate: its sample rate in Hz; None as for ``seconds``.

    Raises:
        FqssError: onnxruntime is missing, the file cannot be loaded or has inputs that are no
            numbers, or nothing says how long a dynamic input is to be.
    """
    check_installed()
    path = Path(path)
    if not path.is_file():
        raise FqssError(f"no model {path}: --onnx takes an ONNX file")
    try:
        session = _session(path, 1)
    except Exception as error:
        reason = " ".join(str(error).split())
        raise FqssError(f"cannot load {path}: {reason}") from error
    inputs: list[Input] = []
    duration = None
    for number, found in enumerate(session.get_inputs()):
        if found.type not in TYPES:
            raise FqssError(f"{path}: input {found.name} is a {found.type}, which cannot be timed")
        shape = [size if isinstance(size, int) else None for size in found.shape]
        if number == 0 and shape:
            length = shape[-1]
            if length is None:
                if not seconds or not rate:
                    raise FqssError(
                        f"{path} takes any length: give a file, run or recipe of fqss-tf first, "
                        "whose segment it is to take"
                    )
                length = shape[-1] = round(seconds * rate)
            duration = length / rate if rate else None
        sizes = tuple(1 if size is None else size for size in shape)
        inputs.append((found.name, sizes, TYPES[found.type]))
    return OnnxSubject(
        name=str(path), runtime="onnxruntime", seconds=duration, rate=rate,
        file_bytes=path.stat().st_size, path=path, inputs=tuple(inputs),
    )


def check_installed() -> None:
    """Raises FqssError with the pip command if there is no onnxruntime."""
    if importlib.util.find_spec("onnxruntime") is None:
        raise FqssError("--onnx needs onnxruntime, which is missing: pip install onnxruntime")


def _session(path: PathLike, threads: int) -> Any:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    return onnxruntime.InferenceSession(
        str(path), options, providers=["CPUExecutionProvider"]
    )
