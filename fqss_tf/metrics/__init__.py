"""Separation scores, in numpy."""

from fqss_tf.metrics.si_sdr import assigned_si_sdr, pit_si_sdr, si_sdr

__all__ = ["assigned_si_sdr", "pit_si_sdr", "si_sdr"]
