"""Separating audio with a .tflite file: numpy and LiteRT only, no TensorFlow."""

from fqss_tf.runtime.separator import Separator

__all__ = ["Separator"]
