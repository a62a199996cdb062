"""Sizes of HTDemucs; no TensorFlow."""

import dataclasses

from fqss_tf.errors import FqssError
from fqss_tf.formats import CHANNELS, WINDOWS
from fqss_tf.models.sizes import EncoderSizes, Residual

STRIDE = 4  # of each encoder layer, along frequencies or samples
KERNEL = 8  # of the same
GROWTH = 2  # of the channels from layer to layer


@dataclasses.dataclass(frozen=True)
class HTDemucsConfig(EncoderSizes):
    """Sizes of HTDemucs; the defaults are those of the published ``htdemucs`` (42.0 M parameters).

    Mixture and estimates have two channels. ``kernel`` and ``hop``: of the STFT, in samples.
    ``filters``: channels of the first encoder layer; each further one of ``depth`` has twice as
    many. ``width`` and ``feed_forward``: of the transformer, with ``layers`` in each branch.
    ``branches``: convolutions beside each encoder layer, with ``compression`` times fewer channels;
    ``decoder_branches``: decoder layers have them, too.

    Raises:
        FqssError: the sizes do not go together.
    """

    sources: int = 4
    filters: int = dataclasses.field(default=48, metadata={
        "help": "number of channels of the first encoder layer; each further one has twice as many"
    })
    kernel: int = dataclasses.field(default=4096, metadata={
        "help": "length of the STFT window, samples; must be 4 times `hop`"
    })
    hop: int = dataclasses.field(default=1024, metadata={
        "help": "number of samples from one STFT frame to the next"
    })
    depth: int = 4
    branches: int = 2
    compression: int = 8
    decoder_branches: bool = True
    width: int = dataclasses.field(default=512, metadata={
        "help": "number of channels of the transformer; a multiple of 4 and of `heads`"
    })
    layers: int = 5
    heads: int = 8
    feed_forward: int = 2048

    audio_channels = CHANNELS

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.kernel != WINDOWS * self.hop:
            raise FqssError(
                f"model.kernel is {self.kernel}: it must be {WINDOWS} times model.hop {self.hop}, "
                "as the window adds up so"
            )
        rows = self.bins
        for _ in range(self.depth):
            if rows <= KERNEL or rows % STRIDE:
                raise FqssError(
                    f"model.depth {self.depth} is too much for model.kernel {self.kernel}: a layer "
                    f"would have {rows} frequencies, which must be a multiple of {STRIDE} and "
                    f"above {KERNEL}"
                )
            rows //= STRIDE
        if self.width % self.heads or self.width % 4:
            raise FqssError(
                f"model.width {self.width} is not a multiple of 4 and of model.heads {self.heads}: "
                "change one"
            )
        if self.filters % self.compression:
            raise FqssError(
                f"model.filters {self.filters} is not a multiple of model.compression "
                f"{self.compression}: change one"
            )

    @property
    def bins(self) -> int:
        """Frequencies that the network hears: all but the highest."""
        return self.kernel // 2

    @property
    def segment_step(self) -> int:
        """As of all networks; any length, as both branches fill up their layers."""
        return 1

    def check_output_planes(self, planes: int, residual: Residual = "exact") -> None:
        """Checks that a network of these sizes can have so many output planes of this form.

        Raises:
            FqssError: there are more than two, or they are not exact.
        """
        if planes > 1 and residual != "exact":
            raise FqssError(
                f"quantization.residual {residual} is not for HTDemucs: use exact"
            )
        super().check_output_planes(planes, residual)

    def channels(self, layer: int) -> int:
        """Channels behind an encoder layer, from 0 on."""
        return self.filters * GROWTH**layer
