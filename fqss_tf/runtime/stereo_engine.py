"""One .tflite model of two channels in LiteRT: both channels in, both of each source out."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from fqss_tf.errors import FqssError
from fqss_tf.formats import CHANNELS
from fqss_tf.runtime import planes
from fqss_tf.runtime.engine import SegmentEngine
from fqss_tf.runtime.levelling import LEAST_LOUDEST, peak
from fqss_tf.tflite.file import FileLike


class StereoEngine(SegmentEngine):
    """Runs a model on segments of exactly ``metadata.segment`` samples; as ``SegmentEngine``.

    ``hears_spectrogram``: it is for models that hear one beside the waveform.
    """

    hears_spectrogram = False

    def __init__(
        self, file: FileLike, num_threads: int = 1, reference_kernels: bool = False
    ) -> None:
        super().__init__(file, num_threads, reference_kernels)
        if self.metadata.channels != CHANNELS:
            raise FqssError(f"{self._path} is a model of one channel")
        if (self.metadata.transform is not None) is not self.hears_spectrogram:
            heard = "and a spectrogram" if self.metadata.transform else "alone"
            raise FqssError(f"{self._path} is a model over samples {heard}")

    def forward(self, segment: NDArray[np.float32]) -> NDArray[np.float32]:
        """Separates one segment of peak <= 1.

        Args:
            segment: float32 [segment, 2], or [segment], which the model hears in both channels.

        Returns:
            float32 [sources, segment, 2], or [sources, segment]: the mean of both channels.

        Raises:
            FqssError: the engine is closed, or LiteRT refuses to run the graph.
        """
        if segment.ndim == 1:
            return self.forward(in_both_channels(segment)).mean(axis=2)
        if self.metadata.type != "int8":
            (estimates,) = self._run(segment[np.newaxis, np.newaxis].astype(np.float32))
            return estimates[0].astype(np.float32)
        split = planes.split(segment, self.metadata.input_planes)
        inputs = planes.behind_each_other(split)[np.newaxis, np.newaxis]
        return planes.combine(np.stack(self._run(inputs), axis=-1))[0]


def in_both_channels(samples: NDArray[np.float32]) -> NDArray[np.float32]:
    """Returns [samples, 2] of [samples]."""
    return np.stack([samples] * CHANNELS, axis=1)


def levelled_stereo(
    engine: StereoEngine,
) -> Callable[[NDArray[np.float32]], NDArray[np.float32]]:
    """Returns a function that separates up to one segment of float32 samples of any level.

    The loudest sample of a segment, in either channel, becomes full scale. A level that follows
    the sound would press songs together, and networks of music are trained on songs as they are.

    Args:
        engine: the model.

    Returns:
        float32 [samples, 2] -> float32 [sources, samples, 2], or [samples] -> [sources, samples];
        silence in, silence out.
    """
    metadata = engine.metadata

    def forward(samples: NDArray[np.float32]) -> NDArray[np.float32]:
        level = max(peak(samples), LEAST_LOUDEST)
        if not samples.any():
            return np.zeros((len(metadata.sources), *samples.shape), np.float32)
        missing = metadata.segment - len(samples)
        padding = ((0, missing), *((0, 0) for _ in samples.shape[1:]))
        segment = np.pad((samples / level).astype(np.float32), padding)
        return (engine.forward(segment)[:, : len(samples)] * level).astype(np.float32)

    return forward
