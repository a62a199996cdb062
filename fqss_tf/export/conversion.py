"""What a conversion was asked for, and what it made."""

import dataclasses
import math
from pathlib import Path

from fqss_tf.config import Recipe
from fqss_tf.export.parity import Parity
from fqss_tf.runtime.interpreter import INPUT
from fqss_tf.tflite.metadata import Metadata
from fqss_tf.tflite.op_report import Report, Tensor
from fqss_tf.types import Json, PathLike


@dataclasses.dataclass(frozen=True, kw_only=True)
class Options:
    """What ``fqss_tf.export.convert.convert`` was asked for; it says what each means."""

    file_type: str
    ptq: bool
    seconds: float | None
    least_sqnr: float | None
    stream: bool
    planes: int
    calibration: PathLike | None


@dataclasses.dataclass(frozen=True, kw_only=True)
class Conversion:
    """A .tflite file that was run, compared and kept.

    Attributes:
        path: of the file; ``to_dict`` is what the JSON beside it holds.
        metadata: what the file says about itself.
        report: what it computes.
        sha256: of the file, in hexadecimal.
        seconds: that the conversion took, without the comparison.
        parity: for ``reference`` and ``xnnpack`` kernels, how far it is from the Keras model.
        recipe: of the run.
    """

    path: Path
    metadata: Metadata
    report: Report
    sha256: str
    seconds: float
    parity: dict[str, Parity]
    recipe: Recipe

    @property
    def file_bytes(self) -> int:
        """Size of the file."""
        return self.report.file_bytes

    @property
    def states(self) -> list[Tensor]:
        """What a streaming model remembers from step to step; nothing for other models."""
        return [tensor for tensor in self.report.inputs if tensor.name != INPUT]

    @property
    def state_bytes(self) -> int:
        """Bytes of all states."""
        return sum(math.prod(state.shape) for state in self.states)

    @property
    def latency_ms(self) -> float:
        """Milliseconds from the arrival of a sound until it is separated, but for computing."""
        return 1000 * self.metadata.latency / self.metadata.sample_rate

    def to_dict(self) -> Json:
        """Returns the conversion as plain dicts, lists and numbers, for JSON."""
        return {
            "model": self.path.name,
            "type": self.metadata.type,
            "method": self.metadata.method,
            "sha256": self.sha256,
            "bytes": self.file_bytes,
            "segment": self.metadata.segment,
            "conversion_seconds": round(self.seconds, 1),
            "parity": {kernels: dataclasses.asdict(own) for kernels, own in self.parity.items()},
            **(self._stream_to_dict() if self.metadata.is_streaming else {}),
            "recipe": dataclasses.asdict(self.recipe),
            "report": self.report.to_dict(),
        }

    def _stream_to_dict(self) -> Json:
        return {
            "algorithmic_delay": self.metadata.algorithmic_delay,
            "latency": self.metadata.latency,
            "latency_ms": self.latency_ms,
            "state_bytes": self.state_bytes,
            "states": [
                {
                    "name": state.name, "shape": list(state.shape), "scale": state.scale,
                    "zero_point": state.zero_point,
                }
                for state in self.states
            ],
        }
