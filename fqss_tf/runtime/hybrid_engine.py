"""One .tflite model in LiteRT that hears both the waveform and its spectrogram."""

import numpy as np
from numpy.typing import NDArray

from fqss_tf.audio.hybrid import separate
from fqss_tf.runtime.stereo_engine import StereoEngine, in_both_channels
from fqss_tf.tflite.file import FileLike
from fqss_tf.types import FloatArray


class HybridEngine(StereoEngine):
    """Runs a model on segments of exactly ``metadata.segment`` samples; as ``StereoEngine``."""

    hears_spectrogram = True

    def __init__(
        self, file: FileLike, num_threads: int = 1, reference_kernels: bool = False
    ) -> None:
        super().__init__(file, num_threads, reference_kernels)
        assert self.metadata.transform is not None  # the class above has checked it
        self._kernel = self.metadata.transform

    def forward(self, segment: NDArray[np.float32]) -> NDArray[np.float32]:
        """Separates one segment of any level; as ``StereoEngine.forward``."""
        if segment.ndim == 1:
            return self.forward(in_both_channels(segment)).mean(axis=2)

        def network(waveform: FloatArray, heard: FloatArray) -> tuple[FloatArray, FloatArray]:
            waves, spectra = self._run(
                waveform[np.newaxis, np.newaxis].astype(np.float32),
                heard[np.newaxis].astype(np.float32),
            )
            return waves[0, 0], spectra[0]

        return separate(segment, network, self._kernel).astype(np.float32)
