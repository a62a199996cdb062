"""Sizes of asteroid's DPRNN-TasNet; no TensorFlow."""

import dataclasses

from fqss_tf.models.sizes import (
    FEATURES,
    INITIAL_FILTERS,
    LSTM_FORMS,
    MASK_ACTIVATIONS,
    Features,
    InitialFilters,
    LstmForm,
    LstmSizes,
    MaskActivation,
)


@dataclasses.dataclass(frozen=True)
class DPRNNConfig(LstmSizes):
    """Sizes of asteroid's DPRNN-TasNet; the defaults are its own.

    ``hidden`` is of the LSTM, in each direction; ``lstm`` is how files compute it. ``kernel`` and
    ``hop`` are in samples, ``chunk`` and ``chunk_hop`` in frames. ``features``, ``initial_filters``
    and ``sum_to_mixture`` are those of a ConvTasNet.
    """

    sources: int = 2
    filters: int = 64
    kernel: int = 16
    hop: int = 8
    width: int = 128
    chunk: int = 100
    chunk_hop: int = 50
    blocks: int = 6
    hidden: int = 128
    lstm: LstmForm = "op"
    mask_activation: MaskActivation = "sigmoid"
    features: Features = "signed"
    initial_filters: InitialFilters = "random"
    sum_to_mixture: bool = False

    choices = {
        "lstm": LSTM_FORMS, "mask_activation": MASK_ACTIVATIONS, "features": FEATURES,
        "initial_filters": INITIAL_FILTERS,
    }
