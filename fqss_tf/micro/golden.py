"""A stream of speech, and what TFLite's reference kernels make of it: the truth for all others."""

import dataclasses
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from fqss_tf.data.stand_in import stand_ins
from fqss_tf.runtime.planes import combine_int16, split_int16
from fqss_tf.runtime.streaming_engine import StreamingEngine
from fqss_tf.tflite.file import TfliteFile
from fqss_tf.tflite.metadata import Metadata
from fqss_tf.types import PlaneArray

PEAK = 0.9 * 2**15


@dataclasses.dataclass(frozen=True)
class Step:
    """One step of the reference kernels.

    ``mixture`` is int8 [step, 2]. ``stages`` are int8 [sources, step], one for each plane, and
    ``states`` those of the next step, in the order of the description.
    """

    mixture: PlaneArray
    stages: list[PlaneArray]
    states: list[NDArray[np.int8]]

    @property
    def samples(self) -> NDArray[np.int16]:
        """The mixture as samples, int16 [step]."""
        return combine_int16(self.mixture)

    @property
    def estimates(self) -> NDArray[np.int16]:
        """The stages as samples, int16 [sources, step]."""
        return combine_int16(np.stack(self.stages, axis=-1))


def speech(metadata: Metadata, steps: int) -> NDArray[np.int16]:
    """Returns bundled mixtures for a model, at full scale: int16 [steps * step]."""
    samples = steps * metadata.segment
    parts: list[NDArray[np.int16]] = []
    length = 0
    names = metadata.sources if metadata.has_named_sources else ()
    sources = min(len(metadata.sources), 2)  # any speech will do
    for entry in stand_ins("test", sources, metadata.sample_rate, names=names):
        mixture, _ = entry.load()
        scaled = mixture * (PEAK / max(np.abs(mixture).max(), 1e-8))
        parts.append(np.round(scaled).astype(np.int16))
        length += len(mixture)
        if length >= samples:
            break
    return np.resize(np.concatenate(parts), samples)


def reference_steps(file: TfliteFile, mixture: NDArray[np.int16]) -> Iterator[Step]:
    """Runs a streaming model by the reference kernels.

    Args:
        file: of two int8 planes each way.
        mixture: int16 [steps * step].

    Raises:
        FqssError: LiteRT refuses the model.
    """
    engine = StreamingEngine(file, reference_kernels=True)
    for planes in split_int16(mixture).reshape(-1, file.metadata.segment, 2):
        yield Step(planes, engine.run_planes(planes), engine.states)
