"""Audio files and levels (numpy, soundfile and soxr; no TensorFlow)."""

from fqss_tf.audio.files import read, write
from fqss_tf.audio.levels import peak_gain
from fqss_tf.audio.reader import Reader
from fqss_tf.audio.resampling import resample
from fqss_tf.audio.writer import Writer

__all__ = ["Reader", "Writer", "peak_gain", "read", "resample", "write"]
