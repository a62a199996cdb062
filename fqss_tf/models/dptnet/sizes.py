"""Sizes of the authors' DPTNet; no TensorFlow."""

import dataclasses

from fqss_tf.models.sizes import (
    INITIAL_FILTERS,
    LSTM_FORMS,
    MASK_ACTIVATIONS,
    AttentionLstmSizes,
    InitialFilters,
    LstmForm,
    MaskActivation,
)


@dataclasses.dataclass(frozen=True)
class DPTNetConfig(AttentionLstmSizes):
    """Sizes of the DPTNet that FQSS quantizes; the defaults are as published (2.8 M parameters).

    ``hidden`` is of the LSTM, in each direction; ``lstm`` is how files compute it. ``kernel`` and
    ``hop`` are in samples, ``chunk`` in frames. ``initial_filters`` and ``sum_to_mixture`` are
    those of a ConvTasNet.
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
    lstm: LstmForm = "op"
    mask_activation: MaskActivation = "relu"
    initial_filters: InitialFilters = "random"
    sum_to_mixture: bool = False

    choices = {
        "lstm": LSTM_FORMS, "mask_activation": MASK_ACTIVATIONS, "initial_filters": INITIAL_FILTERS,
    }
