"""Separating audio with a .tflite file: numpy and LiteRT only, no TensorFlow."""

from fqss_tf.runtime.separator import Separator
from fqss_tf.runtime.streaming import StreamingSeparator

__all__ = ["Separator", "StreamingSeparator"]
