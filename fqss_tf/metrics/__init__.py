"""Separation scores, in numpy."""

from fqss_tf.metrics.si_sdr import pit_si_sdr, si_sdr

__all__ = ["pit_si_sdr", "si_sdr"]
