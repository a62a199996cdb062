"""Sizes of Spleeter's U-Nets; no TensorFlow."""

import dataclasses
from typing import Literal, TypeAlias

from fqss_tf.errors import FqssError
from fqss_tf.formats import MASKS, WINDOWS
from fqss_tf.models.sizes import EncoderSizes

UnetActivation: TypeAlias = Literal["relu", "elu"]
MaskKind: TypeAlias = Literal["sigmoid", "softmax"]

LEVELS = 6
KERNEL = 5
SLOPE = 0.2  # of the LeakyReLU on the way down


@dataclasses.dataclass(frozen=True)
class SpleeterConfig(EncoderSizes):
    """Sizes of Spleeter; the defaults are those of its network for two stems.

    ``sources``: stems, with a U-Net each. ``filters``: of the first convolution; each of the five
    behind it has twice as many. ``kernel`` and ``hop``: of the STFT, in samples. ``bins``: how many
    of its frequencies the network hears, from the lowest on. ``activation``: ``relu`` has LeakyReLU
    on the way down and ReLU on the way up, ``elu`` has ELU on both. ``masks``: ``sigmoid`` for each
    stem, or ``softmax`` over the stems.

    Raises:
        FqssError: the sizes do not go together.
    """

    sources: int = 2
    filters: int = dataclasses.field(default=16, metadata={
        "help": "number of channels of the first convolution; each of the next five has twice as "
        "many as the one before"
    })
    kernel: int = dataclasses.field(default=4096, metadata={
        "help": "length of the STFT window, samples; must be 4 times `hop`"
    })
    hop: int = dataclasses.field(default=1024, metadata={
        "help": "number of samples from one STFT frame to the next"
    })
    bins: int = dataclasses.field(default=1024, metadata={
        "help": "number of STFT frequencies that the network reads, from the lowest on; a multiple "
        "of 64, at most half of `kernel`"
    })
    activation: UnetActivation = dataclasses.field(default="relu", metadata={
        "help": "`relu`: LeakyReLU in the encoder and ReLU in the decoder, as in the published "
        "network for 2 stems; `elu`: ELU in both, as in those for 4 and 5"
    })
    masks: MaskKind = "sigmoid"

    choices = {"activation": ("relu", "elu"), "masks": MASKS}

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.sources < 2:
            raise FqssError(f"model.sources is {self.sources}: it must be at least 2")
        if self.kernel != WINDOWS * self.hop:
            raise FqssError(
                f"model.kernel is {self.kernel}: it must be {WINDOWS} times model.hop {self.hop}, "
                "as the window adds up so"
            )
        if self.bins % 2**LEVELS or self.bins > self.kernel // 2:
            raise FqssError(
                f"model.bins is {self.bins}: it must be a multiple of {2**LEVELS} and at most half "
                f"of model.kernel {self.kernel}"
            )

    @property
    def segment_step(self) -> int:
        """Samples of which a segment is a multiple: each level halves the frames."""
        return self.hop * 2**LEVELS

    def channels(self, level: int) -> int:
        """Channels behind the convolution of a level, 1 to 6."""
        return self.filters * 2 ** (level - 1)

    def without_shifts(self, input_planes: int) -> tuple[int, ...]:
        """Levels whose ReLUs on the way up have no shift behind them in the exported form.

        With two input planes the shift goes into the bias of the next convolution.
        """
        return (2, 3) if input_planes > 1 and self.activation == "relu" else ()

    def check_output_planes(self, planes: int, residual: str = "exact") -> None:
        """Checks that there are one or two planes each way, of the form ``exact``.

        Raises:
            FqssError: there are more, or it is another form.
        """
        if planes > 2 or residual != "exact":
            raise FqssError(
                f"a network over spectrograms has 2 planes at most, and quantization.residual "
                f"exact: not {planes} and {residual}"
            )
