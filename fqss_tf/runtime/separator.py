"""A recording in, its sources out, by a .tflite file."""

import numpy as np

from fqss_tf.audio.files import resample
from fqss_tf.audio.levels import peak_gain
from fqss_tf.errors import FqssError
from fqss_tf.runtime.chunking import default_overlap, separate_in_chunks
from fqss_tf.runtime.engine import Engine


class Separator:
    """Separates recordings of any length, rate and number of channels.

    Several channels are averaged to one, because the models are mono.

    Args:
        path: a .tflite file written by fqss-tf.
        num_threads: CPU threads.

    Raises:
        FqssError: the file is missing, damaged or not an fqss-tf model.
    """

    def __init__(self, path, num_threads=1):
        self._engine = Engine(path, num_threads)

    @property
    def metadata(self):
        """What the file says about itself, a ``fqss_tf.runtime.metadata.Metadata``."""
        return self._engine.metadata

    def __call__(self, waveform, rate, progress=None):
        """Separates one recording.

        Args:
            waveform: floats, [samples] or [samples, channels].
            rate: its sample rate in Hz.
            progress: called as ``progress(done, total)`` after each chunk, if given.

        Returns:
            Dict of source name -> float32 [samples], at the rate and of the length of the input.

        Raises:
            FqssError: no samples, NaN or infinite samples, or a wrong shape or rate.
        """
        mono = _mono(waveform, rate)
        if not mono.any():
            return {name: np.zeros_like(mono) for name in self.metadata.sources}
        at_model_rate = resample(mono, rate, self.metadata.sample_rate)
        gain = peak_gain(at_model_rate)
        estimates = separate_in_chunks(
            (at_model_rate * gain).astype(np.float32),
            self._engine.forward,
            self.metadata.segment,
            default_overlap(self.metadata.segment),
            progress,
        )
        return {
            name: _fitted(resample(estimate / gain, self.metadata.sample_rate, rate), len(mono))
            for name, estimate in zip(self.metadata.sources, estimates, strict=True)
        }


def _mono(waveform, rate):
    waveform = np.asarray(waveform, np.float32)
    if waveform.ndim not in (1, 2):
        raise FqssError(
            f"a waveform is [samples] or [samples, channels], this one has shape {waveform.shape}"
        )
    if waveform.size == 0:
        raise FqssError("the waveform holds no samples")
    if not np.isfinite(waveform).all():
        raise FqssError("the waveform holds NaN or infinite samples")
    if not rate > 0:
        raise FqssError(f"the sample rate {rate} is not a positive number of Hz")
    return waveform if waveform.ndim == 1 else waveform.mean(axis=1, dtype=np.float32)


def _fitted(waveform, length):
    """Exactly ``length`` samples: resampling there and back may be off by a few at the end."""
    shorter = waveform[:length]
    return np.pad(shorter, (0, length - len(shorter))).astype(np.float32, copy=False)
