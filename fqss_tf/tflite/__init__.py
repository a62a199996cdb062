"""A .tflite file: parsed once, checked, described, reported on, written; no TensorFlow."""

from fqss_tf.tflite.file import TfliteFile

__all__ = ["TfliteFile"]
