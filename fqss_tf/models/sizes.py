"""Sizes of the networks; no TensorFlow, so that recipes can be checked at once."""

import dataclasses
from collections.abc import Mapping
from typing import TYPE_CHECKING, ClassVar, Literal, TypeAlias

from fqss_tf.errors import FqssError

Norm: TypeAlias = Literal["global", "batch"]
NORMS: tuple[Norm, ...] = ("global", "batch")
ActivationName: TypeAlias = Literal["prelu", "relu"]
ACTIVATIONS: tuple[ActivationName, ...] = ("prelu", "relu")
MaskActivation: TypeAlias = Literal["relu", "sigmoid", "linear"]
MASK_ACTIVATIONS: tuple[MaskActivation, ...] = ("relu", "sigmoid", "linear")
Residual: TypeAlias = Literal["samples", "frames"]
RESIDUALS: tuple[Residual, ...] = ("samples", "frames")


@dataclasses.dataclass(frozen=True)
class EncoderSizes:
    """What all networks here have: an encoder of ``kernel`` samples every ``hop``.

    ``choices``: field -> the words that it may be.

    Raises:
        FqssError: a size is below 1, a word is not among its choices, or sizes do not go together.
    """

    sources: int
    filters: int
    kernel: int
    hop: int

    choices: ClassVar[Mapping[str, tuple[str, ...]]] = {}

    def __post_init__(self) -> None:
        for field in dataclasses.fields(self):
            value = getattr(self, field.name)
            if field.type is int and value < 1:
                raise FqssError(f"model.{field.name} is {value}: it must be at least 1")
            if field.name in self.choices and value not in self.choices[field.name]:
                raise FqssError(
                    f"model.{field.name} {value!r} is unknown: "
                    f"use one of {', '.join(self.choices[field.name])}"
                )
        if self.kernel % self.hop:
            raise FqssError(
                f"model.kernel {self.kernel} is not a multiple of model.hop {self.hop}: change one"
            )

    @property
    def taps(self) -> int:
        """Blocks of ``hop`` samples under one kernel."""
        return self.kernel // self.hop

    @property
    def source_names(self) -> list[str]:
        """What the sources are called in files: ``speech`` alone, else ``speech_1``, .."""
        if self.sources == 1:
            return ["speech"]
        return [f"speech_{number + 1}" for number in range(self.sources)]


@dataclasses.dataclass(frozen=True)
class ConvTasNetConfig(EncoderSizes):
    """Sizes of a ConvTasNet; the defaults are the published Libri2Mix network (5.05 M parameters).

    ``norm``: ``global`` is gLN behind each activation as published; ``batch`` is batch
    normalisation before each activation, which folds into the convolutions. ``activation``:
    ``prelu`` as published; ``relu`` costs no op of its own in integers.
    ``kernel`` and ``hop`` are in samples, ``kernel`` a multiple of ``hop``. ``causal``: no frame
    sees a later one, so that the network can run in steps; for ``norm`` ``batch`` only.
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

    choices = {"norm": NORMS, "activation": ACTIVATIONS, "mask_activation": MASK_ACTIVATIONS}

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.causal and self.norm == "global":
            raise FqssError(
                "model.causal goes with model.norm batch: a global norm sees the whole recording"
            )

    @property
    def dilations(self) -> list[int]:
        """The dilation of every block, in order."""
        return [2**block for _ in range(self.repeats) for block in range(self.blocks)]

    def algorithmic_delay(self, output_planes: int) -> int:
        """Samples by which the estimates of a causal network come after its input.

        Each decoder adds up ``kernel`` samples, and waits for the frames that are yet to come.
        """
        return output_planes * (self.taps - 1) * self.hop


class DualPathSizes(EncoderSizes):
    """What the dual-path networks have besides: ``width`` channels in chunks of frames."""

    chunk: int
    blocks: int
    if TYPE_CHECKING:
        # No annotated attribute, because asteroid's DPTNet has it as a property.
        @property
        def width(self) -> int:
            """Channels of the chunks."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.chunk < 2:
            raise FqssError(f"model.chunk is {self.chunk}: it must be at least 2")
        heads = getattr(self, "heads", 1)
        if self.width % heads:
            raise FqssError(
                f"model.width {self.width} is not a multiple of model.heads {heads}: change one"
            )
        chunk_hop = getattr(self, "chunk_hop", 1)
        if chunk_hop > self.chunk:
            raise FqssError(
                f"model.chunk_hop {chunk_hop} is above model.chunk {self.chunk}: frames "
                "would be left out"
            )


@dataclasses.dataclass(frozen=True)
class SepFormerConfig(DualPathSizes):
    """Sizes of a SepFormer; the defaults are the published network (25.7 M parameters).

    Each of ``blocks`` has ``intra_layers`` transformer layers along the frames of a chunk and
    ``inter_layers`` along the chunks. ``kernel`` and ``hop`` are in samples, ``chunk`` in frames.
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


@dataclasses.dataclass(frozen=True)
class DPTNetConfig(DualPathSizes):
    """Sizes of the DPTNet that FQSS quantizes; the defaults are as published (2.8 M parameters).

    ``hidden`` is of the LSTM, in each direction. ``residual`` is what the second output plane makes
    up for: what ``samples`` lost by rounding, or, as FQSS has it, the decoder's ``frames`` before
    they are added up. ``kernel`` and ``hop`` are in samples, ``chunk`` in frames.
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
    residual: Residual = "samples"

    choices = {"residual": RESIDUALS}


@dataclasses.dataclass(frozen=True)
class AsteroidDPTNetConfig(DualPathSizes):
    """Sizes of asteroid's DPTNet, another design; the defaults are its own (8.5 M parameters).

    ``hidden`` is of the LSTM, in each direction. ``kernel`` and ``hop`` are in samples, ``chunk``
    and ``chunk_hop`` in frames. It has no bottleneck: its width is the number of filters.
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
    mask_activation: MaskActivation = "relu"

    choices = {"mask_activation": MASK_ACTIVATIONS}

    @property
    def width(self) -> int:
        """Channels of the chunks."""
        return self.filters


@dataclasses.dataclass(frozen=True)
class DPRNNConfig(DualPathSizes):
    """Sizes of asteroid's DPRNN-TasNet; the defaults are its own.

    ``hidden`` is of the LSTM, in each direction. ``kernel`` and ``hop`` are in samples, ``chunk``
    and ``chunk_hop`` in frames.
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
    mask_activation: MaskActivation = "sigmoid"

    choices = {"mask_activation": MASK_ACTIVATIONS}


# Networks with self-attention, and those with an LSTM.
AttentionSizes: TypeAlias = SepFormerConfig | DPTNetConfig | AsteroidDPTNetConfig
LstmSizes: TypeAlias = DPTNetConfig | AsteroidDPTNetConfig | DPRNNConfig
NetworkSizes: TypeAlias = (
    ConvTasNetConfig | SepFormerConfig | DPTNetConfig | AsteroidDPTNetConfig | DPRNNConfig
)
NETWORKS: dict[str, type[NetworkSizes]] = {
    "convtasnet": ConvTasNetConfig,
    "sepformer": SepFormerConfig,
    "dptnet": DPTNetConfig,
    "dptnet-asteroid": AsteroidDPTNetConfig,
    "dprnn": DPRNNConfig,
}
