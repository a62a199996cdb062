"""Sizes of the authors' DPTNet; no TensorFlow."""

import dataclasses

from fqss_tf.models.sizes import AttentionLstmSizes


@dataclasses.dataclass(frozen=True)
class DPTNetConfig(AttentionLstmSizes):
    """Sizes of the DPTNet that FQSS quantizes; the defaults are as published (2.8 M parameters).

    ``hidden`` is of the LSTM, in each direction. ``kernel`` and ``hop`` are in samples, ``chunk``
    in frames.
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
