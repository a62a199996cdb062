"""Sizes of the ConvTasNet for music; no TensorFlow."""

import dataclasses

from fqss_tf.formats import CHANNELS
from fqss_tf.models.sizes import EncoderSizes


@dataclasses.dataclass(frozen=True)
class MusicConvTasNetConfig(EncoderSizes):
    """Sizes of the ConvTasNet for music; the defaults are FQSS's (11.0 M parameters).

    Mixture and estimates have two channels. ``kernel`` and ``hop`` are in samples, ``kernel`` a
    multiple of ``hop``.
    """

    sources: int = 4
    filters: int = 256
    kernel: int = 20
    hop: int = 10
    bottleneck: int = 256
    hidden: int = 512
    blocks: int = 10
    repeats: int = 4
    block_kernel: int = 3

    audio_channels = CHANNELS

    @property
    def dilations(self) -> list[int]:
        """The dilation of every block, in order."""
        return [2**block for _ in range(self.repeats) for block in range(self.blocks)]
