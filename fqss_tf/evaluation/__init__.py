"""Scoring trained runs and .tflite files on the same mixtures in the same way."""

from fqss_tf.evaluation.evaluate import ModelScore, UtteranceScore, evaluate, load_mixtures

__all__ = ["ModelScore", "UtteranceScore", "evaluate", "load_mixtures"]
