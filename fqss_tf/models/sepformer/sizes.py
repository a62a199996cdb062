"""Sizes of a SepFormer; no TensorFlow."""

import dataclasses

from fqss_tf.models.sizes import (
    INITIAL_FILTERS,
    MASK_ACTIVATIONS,
    AttentionSizes,
    InitialFilters,
    MaskActivation,
)


@dataclasses.dataclass(frozen=True)
class SepFormerConfig(AttentionSizes):
    """Sizes of a SepFormer; the defaults are the published network (25.7 M parameters).

    Each of ``blocks`` has ``intra_layers`` transformer layers along the frames of a chunk and
    ``inter_layers`` along the chunks. ``kernel`` and ``hop`` are in samples, ``chunk`` in frames.
    ``initial_filters`` and ``sum_to_mixture`` are those of a ConvTasNet.
    """

    sources: int = 2
    filters: int = 256
    kernel: int = 16
    hop: int = 8
    width: int = 256
    chunk: int = 250
    blocks: int = 2
    intra_layers: int = 8
    inter_layers: int = 8
    heads: int = 8
    feed_forward: int = 1024
    mask_activation: MaskActivation = "relu"
    initial_filters: InitialFilters = "random"
    sum_to_mixture: bool = False

    choices = {"mask_activation": MASK_ACTIVATIONS, "initial_filters": INITIAL_FILTERS}
