"""One .tflite model in LiteRT that hears both the waveform and its spectrogram."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from fqss_tf.audio.hybrid import separate
from fqss_tf.runtime import planes
from fqss_tf.runtime.engine import GraphNumbers
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
        self._bounds = self.metadata.bounds or {}
        self._network = self._integers if self.metadata.type == "int8" else self._floats

    def forward(self, segment: NDArray[np.float32]) -> NDArray[np.float32]:
        """Separates one segment of any level; as ``StereoEngine.forward``."""
        if segment.ndim == 1:
            return self.forward(in_both_channels(segment)).mean(axis=2)

        return separate(segment, self._network, self._kernel).astype(np.float32)

    def _floats(self, waveform: FloatArray, heard: FloatArray) -> tuple[FloatArray, FloatArray]:
        waves, spectra = self._run(
            waveform[np.newaxis, np.newaxis].astype(np.float32),
            heard[np.newaxis].astype(np.float32),
        )
        return waves[0, 0], spectra[0]

    def _integers(self, waveform: FloatArray, heard: FloatArray) -> tuple[FloatArray, FloatArray]:
        outputs = self._run(
            self._split(waveform[np.newaxis], "mixture"), self._split(heard, "spectrogram")
        )
        count = self.metadata.output_planes
        waves, spectra = outputs[:count], outputs[count:]
        return self._combined(waves, "stage")[0], self._combined(spectra, "spectra")

    def _split(self, values: FloatArray, name: str) -> NDArray[np.int8]:
        """``[H, T, C]`` -> ``[1, H, T, planes * C]``."""
        levelled = values.astype(np.float32) / np.float32(self._bounds[name])
        split = planes.split_nearest(levelled, self.metadata.input_planes)
        return planes.behind_each_other(split)[np.newaxis]

    def _combined(self, outputs: Sequence[GraphNumbers], name: str) -> FloatArray:
        """Planes ``[1, H, T, C]`` -> what they stand for, ``[H, T, C]``."""
        return planes.combine(np.stack(outputs, axis=-1))[0] * np.float32(self._bounds[name])
