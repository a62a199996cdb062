"""Scoring trained runs and .tflite files on the same mixtures in the same way."""

from fqss_tf.evaluation.evaluate import (
    ModelScore,
    UtteranceScore,
    default_task,
    evaluate,
    load_mixtures,
)
from fqss_tf.evaluation.level_sweep import level_sweep, sweep_table

__all__ = [
    "ModelScore", "UtteranceScore", "default_task", "evaluate", "level_sweep", "load_mixtures",
    "sweep_table",
]
