"""Parts of HTDemucs as published, and in the form that is exported: the same function.

Exported, a transposed convolution is a plain one that makes phases, and what gates and what is
gated have convolutions of their own, so that each has its own steps in 8 bits.
"""

from typing import Any

import tf_keras as keras

from fqss_tf.formats import CHANNELS
from fqss_tf.layers.full_scale import OverBound
from fqss_tf.layers.gates import GatedLinearUnit
from fqss_tf.layers.norm import RowLayerNorm
from fqss_tf.layers.phases import PhasesToFrames, PhasesToRows
from fqss_tf.layers.remainder import RemainderDecoder
from fqss_tf.layers.shapes import CutTo, FillToMultiple
from fqss_tf.layers.spectral import ChannelGain, NearestSplitter, TakeChannels
from fqss_tf.models.htdemucs.branches import EDGE, TAPS, Branch
from fqss_tf.models.htdemucs.sizes import KERNEL, STRIDE, HTDemucsConfig
from fqss_tf.types import Tensor

layers = keras.layers
EPSILON = 1e-5  # of all norms


def split(inputs: Tensor, branch: Branch, planes: int) -> Tensor:
    """What the graph of integers reads of an input."""
    levelled = OverBound(name=f"{branch.heard}_over_bound")(inputs)
    return NearestSplitter(planes, name=branch.splitter)(levelled)


def convolved(
    inputs: Tensor, branch: Branch, level: int, config: HTDemucsConfig, for_export: bool,
    planes: int,
) -> Tensor:
    """The convolution of an encoder layer; in the first one, one of each plane.

    Weights of 1 and of 1/256 fit no common scale.
    """
    name, width = f"{branch.name}_encoder_{level}", config.channels(level)
    size = branch.along(KERNEL), branch.along(STRIDE)
    if not branch.along_rows:
        inputs = FillToMultiple(STRIDE, name=f"{name}_filled")(inputs)
    if not for_export:
        padded = layers.ZeroPadding2D(branch.edges(EDGE), name=f"{name}_padded")(inputs)
        return layers.Conv2D(width, *size, name=name)(padded)
    if level or planes == 1:
        return layers.Conv2D(width, *size, padding="same", name=name)(inputs)
    channels = CHANNELS * branch.numbers
    parts = [
        layers.Conv2D(
            width, *size, padding="same", use_bias=plane == 0, trainable=plane == 0,
            name=f"{name}_plane_{plane}" if plane else name,
        )(TakeChannels(
            plane * channels, channels, name=f"{branch.heard}_plane_{plane}"
        )(inputs))
        for plane in range(planes)
    ]
    return layers.Add(name=f"{name}_planes")(parts)


def gated(
    inputs: Tensor, name: str, channels: int, for_export: bool, kernel: Any = 1
) -> Tensor:
    """A convolution to twice the channels, half of which gate the others."""
    if not for_export:
        wide = layers.Conv2D(2 * channels, kernel, padding="same", name=name)(inputs)
        return GatedLinearUnit(name=f"{name}_gated")(wide)
    value, gate = (
        layers.Conv2D(channels, kernel, padding="same", name=f"{name}_{role}")(inputs)
        for role in ("value", "gate")
    )
    return _product(value, gate, name)


def beside(trunk: Tensor, name: str, config: HTDemucsConfig, for_export: bool) -> Tensor:
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
        if for_export:
            value, gate = (
                TakeChannels(start, channels, name=f"{part}_{role}")(wide)
                for role, start in (("value", 0), ("gate", channels))
            )
            wide = _product(value, gate, part)
        else:
            wide = GatedLinearUnit(name=f"{part}_gated")(wide)
        wide = ChannelGain(name=f"{part}_gain")(wide)
        trunk = layers.Add(name=f"{part}_added")([trunk, wide])
    return trunk


def _product(value: Tensor, gate: Tensor, name: str) -> Tensor:
    shares = layers.Activation("sigmoid", name=f"{name}_shares")(gate)
    return layers.Multiply(name=f"{name}_gated")([value, shares])


def grown(
    inputs: Tensor, branch: Branch, level: int, config: HTDemucsConfig, reference: Tensor,
    for_export: bool, planes: int,
) -> list[Tensor]:
    """The transposed convolution of a decoder layer and, but for the last one, GELU.

    The last one gives all output planes, the others give one tensor. ``reference``: what the
    encoder of this level has read, whose length comes back.
    """
    name = f"{branch.name}_decoder_{level}"
    width = config.channels(level - 1)
    if level == 0:
        width = config.sources * CHANNELS * branch.numbers
    if not for_export:
        # Samples and spectra stay float32 where training computes in fewer bits.
        exact = {} if level else {"dtype": "float32"}
        found = layers.Conv2DTranspose(
            width, branch.along(KERNEL), branch.along(STRIDE), name=name, **exact
        )(inputs)
        if branch.along_rows:
            found = layers.Cropping2D(branch.edges(EDGE), name=f"{name}_cut", **exact)(found)
        else:
            found = CutTo(EDGE, name=f"{name}_cut", **exact)([found, reference])
        return [layers.Activation("gelu", name=f"{name}_gelu")(found) if level else found]
    phases = [layers.Conv2D(
        STRIDE * width, branch.along(TAPS), padding="same", name=name
    )(inputs)]
    if level:
        phases = [layers.Activation("gelu", name=f"{name}_gelu")(phases[0])]
    elif planes > 1:
        joined = layers.Concatenate(name=f"{name}_inputs")([inputs, phases[0]])
        phases.append(RemainderDecoder(
            STRIDE * width, branch.along(TAPS), padding="same", exact=STRIDE * width,
            name=f"{name}_plane_1",
        )(joined))
    names = [f"{name}_cut"] if level else [f"{branch.given}_{plane}" for plane in range(planes)]
    return [
        _placed(each, branch, name, reference) for each, name in zip(phases, names, strict=True)
    ]


def _placed(phases: Tensor, branch: Branch, name: str, reference: Tensor) -> Tensor:
    if branch.along_rows:
        return PhasesToRows(STRIDE, name=name)(phases)
    placed = PhasesToFrames(STRIDE, name=f"{name}_placed")(phases)
    return CutTo(0, name=name)([placed, reference])
