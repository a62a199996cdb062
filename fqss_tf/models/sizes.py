"""Sizes of the networks; no TensorFlow, so that recipes can be checked at once."""

import dataclasses

from fqss_tf.errors import FqssError

NORMS = ("global", "batch")
ACTIVATIONS = ("prelu", "relu")
MASK_ACTIVATIONS = ("relu", "sigmoid", "linear")


@dataclasses.dataclass(frozen=True)
class ConvTasNetConfig:
    """Sizes of a ConvTasNet; the defaults are the published Libri2Mix network (5.05 M parameters).

    ``norm``: ``global`` is gLN behind each activation as published; ``batch`` is batch
    normalisation before each activation, which folds into the convolutions. ``activation``:
    ``prelu`` as published; ``relu`` costs no op of its own in integers.
    ``kernel`` and ``hop`` are in samples, ``kernel`` a multiple of ``hop``.
    """

    sources: int = 2
    filters: int = 512
    kernel: int = 16
    hop: int = 8
    bottleneck: int = 128
    skip: int = 128
    hidden: int = 512
    blocks: int = 8
    repeats: int = 3
    block_kernel: int = 3
    norm: str = "global"
    activation: str = "prelu"
    mask_activation: str = "relu"

    def __post_init__(self):
        for field in dataclasses.fields(self):
            value = getattr(self, field.name)
            if field.type is int and value < 1:
                raise FqssError(f"model.{field.name} is {value}: it must be at least 1")
        if self.kernel % self.hop:
            raise FqssError(
                f"model.kernel {self.kernel} is not a multiple of model.hop {self.hop}: change one"
            )
        for name, value, choices in (
            ("norm", self.norm, NORMS),
            ("activation", self.activation, ACTIVATIONS),
            ("mask_activation", self.mask_activation, MASK_ACTIVATIONS),
        ):
            if value not in choices:
                raise FqssError(
                    f"model.{name} {value!r} is unknown: use one of {', '.join(choices)}"
                )

    @property
    def taps(self):
        """Blocks of ``hop`` samples under one kernel."""
        return self.kernel // self.hop

    @property
    def dilations(self):
        """The dilation of every block, in order."""
        return [2**block for _ in range(self.repeats) for block in range(self.blocks)]
