"""Quantizers, the table that gives each layer its quantizers, and the wrapping by tfmot."""

from fqss_tf import environment

environment.check()
