"""Scoring trained runs and .tflite files on the same mixtures in the same way."""

from fqss_tf.evaluation.breakdown import breakdown, breakdown_table
from fqss_tf.evaluation.evaluate import ModelScore, UtteranceScore, evaluate
from fqss_tf.evaluation.fixed_mixtures import (
    check_rates,
    default_task,
    load_mixtures,
    mixture_kinds,
)
from fqss_tf.evaluation.level_sweep import level_sweep, sweep_table
from fqss_tf.evaluation.snr_sweep import snr_sweep, snr_table

__all__ = [
    "ModelScore", "UtteranceScore", "breakdown", "breakdown_table", "check_rates", "default_task",
    "evaluate", "level_sweep", "load_mixtures", "mixture_kinds", "snr_sweep", "snr_table",
    "sweep_table",
]
