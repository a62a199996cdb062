"""Training of float and quantized networks."""

from fqss_tf import environment

environment.check()
