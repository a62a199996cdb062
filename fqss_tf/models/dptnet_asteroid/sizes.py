"""Sizes of asteroid's DPTNet; no TensorFlow."""

import dataclasses

from fqss_tf.models.sizes import (
    LSTM_FORMS,
    MASK_ACTIVATIONS,
    AttentionLstmSizes,
    LstmForm,
    MaskActivation,
)


@dataclasses.dataclass(frozen=True)
class AsteroidDPTNetConfig(AttentionLstmSizes):
    """Sizes of asteroid's DPTNet, another design; the defaults are its own (8.5 M parameters).

    ``hidden`` is of the LSTM, in each direction; ``lstm`` is how files compute it. ``kernel`` and
    ``hop`` are in samples, ``chunk`` and ``chunk_hop`` in frames. It has no bottleneck: its width
    is the number of filters.
    """

    sources: int = 2
    filters: int = 64
    kernel: int = 16
    hop: int = 8
    chunk: int = 100
    chunk_hop: int = 50
    blocks: int = 6
    heads: int = 4
    hidden: int = 256
    lstm: LstmForm = "op"
    mask_activation: MaskActivation = "relu"

    choices = {"lstm": LSTM_FORMS, "mask_activation": MASK_ACTIVATIONS}

    @property
    def width(self) -> int:
        """Channels of the chunks."""
        return self.filters
