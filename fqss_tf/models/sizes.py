"""What the sizes of networks share; no TensorFlow."""

import dataclasses
from collections.abc import Mapping
from typing import TYPE_CHECKING, ClassVar, Literal, Protocol, TypeAlias

from fqss_tf.errors import FqssError

MaskActivation: TypeAlias = Literal["relu", "sigmoid", "linear"]
MASK_ACTIVATIONS: tuple[MaskActivation, ...] = ("relu", "sigmoid", "linear")
# What the network finds its masks from.
Features: TypeAlias = Literal["signed", "rectified"]
FEATURES: tuple[Features, ...] = ("signed", "rectified")
# What encoder and decoder start from (``fqss_tf.models.filterbank``).
InitialFilters: TypeAlias = Literal["random", "cosine"]
INITIAL_FILTERS: tuple[InitialFilters, ...] = ("random", "cosine")
# How an exported graph computes an LSTM: by the op, or step by step
# (``fqss_tf.layers.stepped_lstm``).
LstmForm: TypeAlias = Literal["op", "steps"]
LSTM_FORMS: tuple[LstmForm, ...] = ("op", "steps")
# How the second output plane finds what the first one left out (``fqss_tf.models.waveform``).
Residual: TypeAlias = Literal["exact", "samples", "frames"]
RESIDUALS: tuple[Residual, ...] = ("exact", "samples", "frames")
# What the latent of the quantized network is (``fqss_tf.models.masking``).
Masking: TypeAlias = Literal["direct", "centered"]
MASKINGS: tuple[Masking, ...] = ("direct", "centered")


@dataclasses.dataclass(frozen=True)
class EncoderSizes:
    """What all networks here have: an encoder of ``kernel`` samples every ``hop``.

    ``choices``: field -> the words that it may be. ``linear_encoder``: nothing follows its sum.
    ``audio_channels``: of the mixture and of each estimate.

    Raises:
        FqssError: a size is below 1, a word is not among its choices, or sizes do not go together.
    """

    sources: int
    filters: int
    kernel: int
    hop: int

    choices: ClassVar[Mapping[str, tuple[str, ...]]] = {}
    linear_encoder: ClassVar[bool] = False
    audio_channels: ClassVar[int] = 1

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
        if self._sums_to_mixture and self.sources != 2:
            raise FqssError(
                f"model.sum_to_mixture is for two sources, not for {self.sources}: set it to false"
            )
        if getattr(self, "first_is_rest", False) and not self._sums_to_mixture:
            raise FqssError(
                "model.first_is_rest is for model.sum_to_mixture: set that to true"
            )

    @property
    def taps(self) -> int:
        """Blocks of ``hop`` samples under one kernel."""
        return self.kernel // self.hop

    @property
    def block(self) -> int:
        """Numbers in a block of ``hop`` samples of all channels."""
        return self.hop * self.audio_channels

    @property
    def segment_step(self) -> int:
        """Samples of which the length of a segment is a multiple."""
        return self.hop

    @property
    def algorithmic_delay(self) -> int:
        """Samples by which the estimates of a causal network come after its input.

        The decoder adds up ``kernel`` samples, and waits for the frames that are yet to come.
        """
        return self.kernel - self.hop

    @property
    def latents(self) -> int:
        """How many masked encodings the decoder reads.

        A single one, where two sources add up to the mixture.
        """
        return 1 if self._sums_to_mixture else self.sources

    @property
    def first_share(self) -> float:
        """What the first of two sources that add up to the mixture has of it besides the latent.

        The second one has the rest of it: nothing, where the latent is all of that source.
        """
        return 1.0 if getattr(self, "first_is_rest", False) else 0.5

    @property
    def _sums_to_mixture(self) -> bool:
        return getattr(self, "sum_to_mixture", False)

    @property
    def output_tap(self) -> int:
        """Tap of a decoder's kernel that sees samples at the time of its output."""
        return 0

    def check_output_planes(self, planes: int, residual: Residual = "exact") -> None:
        """Checks that a network of these sizes can have so many output planes of this form.

        Raises:
            FqssError: it cannot.
        """
        if self._sums_to_mixture and residual != "exact":
            raise FqssError(
                f"quantization.residual is {residual}: model.sum_to_mixture goes with exact"
            )
        if planes == 1:
            return
        if residual == "exact":
            if planes > 2:
                raise FqssError(
                    f"quantization.output_planes is {planes}: use 2 at most, which are 16 bits, or "
                    "quantization.residual samples"
                )
            return
        if self.filters < self.kernel * self.audio_channels:
            times = f"{self.audio_channels} times " if self.audio_channels > 1 else ""
            raise FqssError(
                f"model.filters {self.filters} is below {times}model.kernel {self.kernel}: "
                f"quantization.residual {residual} needs at least as many filters; use exact"
            )
        if residual == "frames":
            raise FqssError(
                "quantization.residual frames is for comparing with FQSS: train with exact or "
                "samples"
            )

    def check_masking(self, masking: Masking, residual: Residual) -> None:
        """Checks that the network can have this masking, with this form of the second plane.

        Raises:
            FqssError: it cannot.
        """
        if masking == "direct":
            return
        if not self.linear_encoder:
            raise FqssError(
                f"quantization.masking {masking} needs a linear encoder, which only convtasnet "
                "has: use direct"
            )
        if residual != "exact":
            raise FqssError(
                f"quantization.masking {masking} goes with quantization.residual exact, not with "
                f"{residual}"
            )

    def check_latent_planes(self, planes: int, output_planes: int, residual: Residual) -> None:
        """Checks that the network can have so many latent planes, with these output planes.

        Raises:
            FqssError: it cannot.
        """
        if planes == 1:
            return
        if output_planes != 2:
            raise FqssError(
                f"quantization.latent_planes {planes} goes with quantization.output_planes 2, not "
                f"with {output_planes}"
            )
        if planes > 2:
            raise FqssError(f"quantization.latent_planes is {planes}: use 2 at most")
        if not self.linear_encoder:
            raise FqssError(
                f"quantization.latent_planes is {planes}: only convtasnet has more than 1"
            )
        if residual != "exact":
            raise FqssError(
                f"quantization.latent_planes {planes} goes with quantization.residual exact, not "
                f"with {residual}"
            )

    @property
    def source_names(self) -> list[str]:
        """What the sources are called in files: ``speech`` alone, else ``speech_1``, .."""
        if self.sources == 1:
            return ["speech"]
        return [f"speech_{number + 1}" for number in range(self.sources)]


class Heads(Protocol):
    """Sizes of attention: ``width`` channels, which ``heads`` share."""

    @property
    def width(self) -> int:
        """Channels."""

    @property
    def heads(self) -> int:
        """Divides them."""


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


class AttentionSizes(DualPathSizes):
    """What dual-path networks with self-attention have besides."""

    heads: int


class LstmSizes(DualPathSizes):
    """What dual-path networks with an LSTM have besides: ``hidden`` in each direction.

    ``lstm``: how files compute it.
    """

    hidden: int
    lstm: LstmForm


class AttentionLstmSizes(AttentionSizes, LstmSizes):
    """What dual-path networks have whose transformer layers begin with an LSTM."""
