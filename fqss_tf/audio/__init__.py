"""Audio files and levels (numpy, soundfile and soxr; no TensorFlow)."""

from fqss_tf.audio.files import encode, read, resample, write
from fqss_tf.audio.levels import peak_gain

__all__ = ["encode", "peak_gain", "read", "resample", "write"]
