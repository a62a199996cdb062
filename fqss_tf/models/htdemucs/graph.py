"""HTDemucs as a Keras graph: a U-Net over the spectrogram, one over the waveform, and between them.

Both branches are ``[B, H, T, C]``: H are frequencies and T frames, or H is 1 and T are samples. So
a layer of one is that of the other with its kernel along another axis.
"""

from dataclasses import dataclass
from typing import Any

import tensorflow as tf
import tf_keras as keras

from fqss_tf.formats import CHANNELS
from fqss_tf.layers.gates import GatedLinearUnit
from fqss_tf.layers.norm import RowLayerNorm
from fqss_tf.layers.positions import AddRows
from fqss_tf.layers.shapes import CutTo, FillToMultiple
from fqss_tf.layers.spectral import ChannelGain
from fqss_tf.models.htdemucs.sizes import KERNEL, STRIDE, HTDemucsConfig
from fqss_tf.models.htdemucs.transformer import across
from fqss_tf.types import KerasModel, Tensor

layers = keras.layers
EPSILON = 1e-5  # of all norms
EDGE = (KERNEL - STRIDE) // 2
COMPLEX = 2  # numbers of a bin: real and imaginary part


@dataclass(frozen=True)
class Branch:
    """One of the two U-Nets: what its layers are called, and which axis they halve and double."""

    name: str
    along_rows: bool

    def along(self, size: int, other: int = 1) -> tuple[int, int]:
        """A kernel, a stride or an edge of this size along the axis, and of another across it."""
        return (size, other) if self.along_rows else (other, size)

    def edges(self, size: int) -> tuple[tuple[int, int], tuple[int, int]]:
        """So many at both ends of the axis."""
        first, second = self.along(size, 0)
        return (first, first), (second, second)


FREQUENCY, TIME = BRANCHES = Branch("frequency", True), Branch("time", False)


@tf.autograph.experimental.do_not_convert
def build(config: HTDemucsConfig, *, for_export: bool = False) -> KerasModel:
    """The network as a Keras model of normalized inputs.

    Waveform ``[B, 1, T, 2]`` and spectrogram ``[B, bins, frames, 4]`` (real and imaginary part of
    the left, then of the right channel) -> the same of all sources, ``[B, 1, T, 2 S]`` and
    ``[B, bins, frames, 4 S]``, each source's channels together. ``for_export`` as of
    ``fqss_tf.models.registry.build``.
    """
    spectrogram = keras.Input((config.bins, None, COMPLEX * CHANNELS), name="spectrogram")
    mixture = keras.Input((1, None, CHANNELS), name="mixture")
    values = [spectrogram, mixture]
    passed: list[list[Tensor]] = []
    read: list[list[Tensor]] = []
    for level in range(config.depth):
        read.append(values)
        values = [
            _encoded(each, branch, level, config)
            for each, branch in zip(values, BRANCHES, strict=True)
        ]
        if level == 0:
            values[0] = AddRows(name="frequency_rows")(values[0])
        passed.append(values)
    values = across(values, config, [branch.name for branch in BRANCHES], for_export)
    for level in reversed(range(config.depth)):
        values = [
            _decoded(each, branch, level, config, skip, reference)
            for each, branch, skip, reference in zip(
                values, BRANCHES, passed[level], read[level], strict=True
            )
        ]
    return keras.Model([mixture, spectrogram], values[::-1], name="htdemucs")


def _encoded(inputs: Tensor, branch: Branch, level: int, config: HTDemucsConfig) -> Tensor:
    name = f"{branch.name}_encoder_{level}"
    if not branch.along_rows:
        inputs = FillToMultiple(STRIDE, name=f"{name}_filled")(inputs)
    padded = layers.ZeroPadding2D(branch.edges(EDGE), name=f"{name}_padded")(inputs)
    wide = layers.Conv2D(
        config.channels(level), branch.along(KERNEL), branch.along(STRIDE), name=name
    )(padded)
    wide = layers.Activation("gelu", name=f"{name}_gelu")(wide)
    wide = _beside(wide, name, config)
    return _gated(wide, f"{name}_rewrite", config.channels(level), 1)


def _decoded(
    inputs: Tensor, branch: Branch, level: int, config: HTDemucsConfig, skip: Tensor,
    reference: Tensor,
) -> Tensor:
    """``reference``: what the encoder of this level has read, whose length comes back."""
    name = f"{branch.name}_decoder_{level}"
    added = layers.Add(name=f"{name}_added")([inputs, skip])
    seen = (3, 3) if branch.along_rows else (1, 3)
    gated = _gated(added, f"{name}_rewrite", config.channels(level), seen)
    if config.decoder_branches:
        gated = _beside(gated, name, config)
    width = config.channels(level - 1)
    if level == 0:
        width = config.sources * CHANNELS * (COMPLEX if branch.along_rows else 1)
    grown = layers.Conv2DTranspose(
        width, branch.along(KERNEL), branch.along(STRIDE), name=name
    )(gated)
    if branch.along_rows:
        cut = layers.Cropping2D(branch.edges(EDGE), name=f"{name}_cut")(grown)
    else:
        cut = CutTo(EDGE, name=f"{name}_cut")([grown, reference])
    return layers.Activation("gelu", name=f"{name}_gelu")(cut) if level else cut


def _beside(trunk: Tensor, name: str, config: HTDemucsConfig) -> Tensor:
    """Adds dilated convolutions along T with few channels, whose norms are of each row (DConv)."""
    channels = trunk.shape[-1]
    for index in range(config.branches):
        part = f"{name}_branch_{index}"
        narrow = layers.Conv2D(
            channels // config.compression, (1, 3), dilation_rate=(1, 2**index), padding="same",
            name=f"{part}_in",
        )(trunk)
        narrow = RowLayerNorm(EPSILON, name=f"{part}_in_norm")(narrow)
        narrow = layers.Activation("gelu", name=f"{part}_gelu")(narrow)
        wide = layers.Conv2D(2 * channels, 1, name=f"{part}_out")(narrow)
        wide = RowLayerNorm(EPSILON, name=f"{part}_out_norm")(wide)
        wide = GatedLinearUnit(name=f"{part}_gated")(wide)
        wide = ChannelGain(name=f"{part}_gain")(wide)
        trunk = layers.Add(name=f"{part}_added")([trunk, wide])
    return trunk


def _gated(inputs: Tensor, name: str, channels: int, kernel: Any) -> Tensor:
    wide = layers.Conv2D(2 * channels, kernel, padding="same", name=name)(inputs)
    return GatedLinearUnit(name=f"{name}_gated")(wide)
