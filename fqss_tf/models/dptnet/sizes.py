"""Sizes of the authors' DPTNet; no TensorFlow."""

import dataclasses
from typing import Literal, TypeAlias

from fqss_tf.models.sizes import AttentionLstmSizes

Residual: TypeAlias = Literal["samples", "frames"]
RESIDUALS: tuple[Residual, ...] = ("samples", "frames")


@dataclasses.dataclass(frozen=True)
class DPTNetConfig(AttentionLstmSizes):
    """Sizes of the DPTNet that FQSS quantizes; the defaults are as published (2.8 M parameters).

    ``hidden`` is of the LSTM, in each direction. ``residual`` is what the second output plane makes
    up for: what ``samples`` lost by rounding, or, as FQSS has it, the decoder's ``frames`` before
    they are added up. ``kernel`` and ``hop`` are in samples, ``chunk`` in frames.
    """

    sources: int = 2
    filters: int = 256
    kernel: int = 2
    hop: int = 1
    width: int = 64
    chunk: int = 250
    blocks: int = 6
    heads: int = 4
    hidden: int = 128
    residual: Residual = "samples"

    choices = {"residual": RESIDUALS}
