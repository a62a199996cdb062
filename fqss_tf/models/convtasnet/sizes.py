"""Sizes of a ConvTasNet; no TensorFlow."""

import dataclasses
from typing import Literal, TypeAlias

from fqss_tf.errors import FqssError
from fqss_tf.models.sizes import (
    FEATURES,
    INITIAL_FILTERS,
    MASK_ACTIVATIONS,
    EncoderSizes,
    Features,
    InitialFilters,
    MaskActivation,
    Residual,
)

Norm: TypeAlias = Literal["global", "batch"]
NORMS: tuple[Norm, ...] = ("global", "batch")
ActivationName: TypeAlias = Literal["prelu", "relu"]
ACTIVATIONS: tuple[ActivationName, ...] = ("prelu", "relu")


@dataclasses.dataclass(frozen=True)
class ConvTasNetConfig(EncoderSizes):
    """Sizes of a ConvTasNet; the defaults are the published Libri2Mix network (5.05 M parameters).

    ``norm``: ``global`` is gLN behind each activation as published; ``batch`` is batch
    normalisation before each activation, which folds into the convolutions. ``activation``:
    ``prelu`` as published; ``relu`` costs no op of its own in integers.
    ``kernel`` and ``hop`` are in samples, ``kernel`` a multiple of ``hop``. ``causal``: no frame
    sees a later one, so that the network can run in steps; for ``norm`` ``batch`` only.
    ``features``: what the network finds its masks from, the encoding with its signs as published,
    or ``rectified``, which tells how loud each filter is. ``initial_filters``: what encoder and
    decoder start from, ``random`` weights or ``cosine`` waves (``fqss_tf.models.filterbank``).
    ``sum_to_mixture``: two sources add up to the mixture, and ``first_is_rest``: the first one is
    what the second one leaves of it (``fqss_tf.models.sharing``).
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
    norm: Norm = "global"
    activation: ActivationName = "prelu"
    mask_activation: MaskActivation = "relu"
    causal: bool = False
    features: Features = "signed"
    initial_filters: InitialFilters = "random"
    sum_to_mixture: bool = False
    first_is_rest: bool = False

    linear_encoder = True
    choices = {
        "norm": NORMS, "activation": ACTIVATIONS, "mask_activation": MASK_ACTIVATIONS,
        "features": FEATURES, "initial_filters": INITIAL_FILTERS,
    }

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.causal and self.norm == "global":
            raise FqssError(
                "model.causal goes with model.norm batch: a global norm sees the whole recording"
            )

    def check_output_planes(self, planes: int, residual: Residual = "exact") -> None:
        """Checks as of all networks, and that a causal one has ``exact``.

        Raises:
            FqssError: it cannot.
        """
        super().check_output_planes(planes, residual)
        if planes > 1 and self.causal and residual != "exact":
            raise FqssError(
                f"quantization.residual is {residual}: a causal network has exact alone; train a "
                "run of an earlier version again"
            )

    @property
    def bottleneck_hears_samples(self) -> bool:
        """Whether encoder and bottleneck are one filter of the samples in the exported form.

        The encoding is linear up to there, so its 8 bits need not be in between.
        """
        return self.features == "signed"

    @property
    def output_tap(self) -> int:
        """As of all networks; the last one where past frames come first."""
        return self.taps - 1 if self.causal else 0

    @property
    def dilations(self) -> list[int]:
        """The dilation of every block, in order."""
        return [2**block for _ in range(self.repeats) for block in range(self.blocks)]
