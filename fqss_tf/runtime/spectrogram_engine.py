"""One .tflite model over spectrograms in LiteRT: magnitudes in, logits of masks out."""

from collections.abc import Iterable, Iterator

import numpy as np
from numpy.typing import NDArray

from fqss_tf.audio.ratio_masks import separate_blocks, separate_whole
from fqss_tf.errors import FqssError
from fqss_tf.formats import CHANNELS, SpectrogramForm
from fqss_tf.runtime import planes
from fqss_tf.runtime.engine import SegmentEngine
from fqss_tf.runtime.levelling import peak
from fqss_tf.tflite.file import FileLike
from fqss_tf.types import Sources, Waveform


class SpectrogramEngine(SegmentEngine):
    """Runs a model on spectrograms of exactly ``form.frames`` frames; as ``SegmentEngine``.

    ``form``: what the model hears.
    """

    def __init__(
        self, file: FileLike, num_threads: int = 1, reference_kernels: bool = False
    ) -> None:
        super().__init__(file, num_threads, reference_kernels)
        if self.metadata.spectrogram is None:
            raise FqssError(f"{self._path} is a model over samples, not over spectrograms")
        self.form: SpectrogramForm = self.metadata.spectrogram

    def logits(self, heard: NDArray[np.float32]) -> NDArray[np.float32]:
        """Returns logits float32 [frames / 2, bins / 2, 8 * sources] of magnitudes.

        Args:
            heard: float32 [frames, bins, 2], of full scale 1.

        Raises:
            FqssError: the engine is closed, or LiteRT refuses to run the graph.
        """
        if self.metadata.type != "int8":
            (logits,) = self._run(heard[np.newaxis].astype(np.float32))
            return logits[0].astype(np.float32)
        split = planes.split_nearest(heard, self.metadata.input_planes)
        inputs = planes.behind_each_other(split)
        return planes.combine(np.stack(self._run(inputs[np.newaxis]), axis=-1))[0]

    def forward(self, mixture: Waveform) -> Sources:
        """Separates any length: float32 [samples(, 2)] -> float32 [sources, samples(, 2)]."""
        return separate_whole(mixture, self.logits, self.form, len(self.metadata.sources))


def masked(
    engine: SpectrogramEngine, blocks: Iterable[NDArray[np.float32]]
) -> Iterator[NDArray[np.float32]]:
    """Separates a recording at the model's rate that comes in blocks, in memory for one segment.

    Args:
        engine: the model.
        blocks: iterable of float32 [samples] or all [samples, 2], of any lengths. The network hears
            one channel in both ears.

    Yields:
        float32 [sources, samples] or [sources, samples, 2]; together as long as the recording.

    Raises:
        FqssError: a magnitude that float32 cannot hold.
    """
    is_mono = True

    def stereo() -> Iterator[NDArray[np.float32]]:
        nonlocal is_mono
        for block in blocks:
            peak(block)
            is_mono = block.ndim == 1
            yield np.stack([block] * CHANNELS, axis=1) if is_mono else block

    sources = len(engine.metadata.sources)
    for part in separate_blocks(stereo(), engine.logits, engine.form, sources):
        yield part.mean(axis=2) if is_mono else part
