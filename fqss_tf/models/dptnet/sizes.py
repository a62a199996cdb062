"""Sizes of the authors' DPTNet; no TensorFlow."""

import dataclasses
from typing import Literal, TypeAlias

from fqss_tf.errors import FqssError
from fqss_tf.models.sizes import AttentionLstmSizes

Residual: TypeAlias = Literal["samples", "frames"]
RESIDUALS: tuple[Residual, ...] = ("samples", "frames")


@dataclasses.dataclass(frozen=True)
class DPTNetConfig(AttentionLstmSizes):
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

    def check_output_planes(self, planes: int) -> None:
        """Checks as other networks do, and that the second plane can be trained.

        Raises:
            FqssError: it makes up for ``frames``.
        """
        super().check_output_planes(planes)
        if planes > 1 and self.residual != "samples":
            raise FqssError(
                f"model.residual {self.residual} is for comparing with FQSS: train with samples"
            )
