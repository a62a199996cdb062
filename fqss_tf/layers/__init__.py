"""Keras layers over ``[B, 1, T, C]``, each one integer op or a named composite."""

from fqss_tf import environment

environment.check()
