"""Spleeter's U-Nets as Keras graphs: as published, and in the form that is exported."""

from typing import Any

import tensorflow as tf
import tf_keras as keras

from fqss_tf.formats import CHANNELS
from fqss_tf.layers.elu import ComposedElu
from fqss_tf.layers.planes import Combiner
from fqss_tf.layers.prelu import FixedSlopePReLU
from fqss_tf.layers.remainder import RemainderDecoder
from fqss_tf.layers.spectral import (
    ChannelGain,
    ChannelShift,
    FullScale,
    JoinLevelled,
    MaskedMagnitudes,
    NearestSplitter,
    PhasesToPixels,
    PixelsToPhases,
    TakeChannels,
)
from fqss_tf.models.sizes import Residual
from fqss_tf.models.spleeter.sizes import KERNEL, LEVELS, SLOPE, SpleeterConfig
from fqss_tf.types import KerasLayer, KerasModel, Tensor

layers = keras.layers
# TensorFlow 2.16's remapper fuses convolution and LeakyReLU into an op that can be wrong
# (docs/explain/measured.md).
tf.config.optimizer.set_experimental_options({"remapping": False})

EPSILON = 1e-3  # of batch norms
MASK_KERNEL = 4
PHASES = 4


@tf.autograph.experimental.do_not_convert
def build(
    config: SpleeterConfig, *, input_planes: int = 1, output_planes: int = 1,
    residual: Residual = "exact", for_export: bool = False,
) -> KerasModel:
    """The network as a Keras model: magnitudes -> logits of the masks.

    Magnitudes ``[B, T, bins, 2]`` are of the STFT, over ``fqss_tf.formats.MAGNITUDE_RANGE``; T is a
    multiple of 64. Logits are over ``fqss_tf.formats.LOGIT_RANGE``, ``[B, T / 2, bins / 2, 8 S]``:
    of stem s, row 2 t + p, column 2 f + q and channel c at ``[t, f, 8 s + 4 p + 2 q + c]``.

    Arguments as of ``fqss_tf.models.registry.build``. As published there are no planes.
    """
    magnitudes = keras.Input((None, config.bins, CHANNELS), name="magnitudes")
    split = NearestSplitter(input_planes, name="splitter")(magnitudes)
    stem = _exported_stem if for_export else _published_stem
    stems = [
        stem(split, config, f"stem_{number}_", input_planes, output_planes)
        for number in range(config.sources)
    ]
    planes = [
        JoinLevelled(name=f"stage_{plane}")([stem[plane] for stem in stems])
        for plane in range(output_planes)
    ]
    logits = Combiner(name="combiner")(planes)
    return keras.Model(magnitudes, logits, name="spleeter")


@tf.autograph.experimental.do_not_convert
def published_form(model: KerasModel, config: SpleeterConfig) -> KerasModel:
    """The network as Spleeter has it: magnitudes of the STFT -> magnitudes of each stem.

    ``[B, T, bins, 2]`` -> ``[B, S, T, bins, 2]``; T is a multiple of 64.

    Args:
        model: of ``build``, not for export.
        config: its sizes.
    """
    magnitudes = keras.Input((None, config.bins, CHANNELS), name="magnitudes")
    logits = model(FullScale(name="full_scale")(magnitudes))
    masked = MaskedMagnitudes(config.masks, name="masked")([logits, magnitudes])
    return keras.Model(magnitudes, masked, name="published_spleeter")


def _published_stem(
    inputs: Tensor, config: SpleeterConfig, name: str, *planes: int
) -> list[Tensor]:
    """One U-Net as Spleeter writes it; the skip connections begin in front of the batch norms."""
    down, found = inputs, []
    for level in range(1, LEVELS + 1):
        down = _convolution(config.channels(level), f"{name}conv_{level}", 2)(down)
        found.append(down)
        if level < LEVELS:
            down = _norm(f"{name}down_{level}_norm")(down)
            down = _activation(config, f"{name}down_{level}", SLOPE)(down)
    up = found.pop()
    for level in range(LEVELS, 0, -1):
        width = config.channels(level - 1) if level > 1 else 1
        up = layers.Conv2DTranspose(
            width, KERNEL, strides=2, padding="same", name=f"{name}up_{level}"
        )(up)
        up = _activation(config, f"{name}grown_{level}")(up)
        up = _norm(f"{name}up_{level}_norm")(up)
        if level > LEVELS // 2:
            up = layers.Dropout(0.5, name=f"{name}dropout_{level}")(up)
        if level > 1:
            up = layers.Concatenate(name=f"{name}join_{level}")([found.pop(), up])
    logits = layers.Conv2D(
        CHANNELS, MASK_KERNEL, dilation_rate=2, padding="same", name=f"{name}logits"
    )(up)
    return [PixelsToPhases(name=f"{name}phases")(logits)]


def _exported_stem(
    inputs: Tensor, config: SpleeterConfig, name: str, input_planes: int, output_planes: int
) -> list[Tensor]:
    """The same U-Net in ops that integers compute alike everywhere.

    What the joins read has the range of samples: each of its channels has a level of its own, which
    the convolution behind undoes. Transposed convolutions are plain ones that make four phases.
    """
    down, found = inputs, []
    for level in range(1, LEVELS + 1):
        if level == 1:
            down = _first(inputs, config, name, input_planes)
        else:
            down = _convolution(config.channels(level), f"{name}conv_{level}", 2)(down)
        found.append(down)
        if level < LEVELS:
            if config.activation == "elu":
                down = ChannelGain(name=f"{name}gain_{level}")(down)
            down = ChannelShift(name=f"{name}offset_{level}")(down)
            down = (
                ComposedElu(name=f"{name}down_{level}") if config.activation == "elu"
                else FixedSlopePReLU(SLOPE, name=f"{name}down_{level}")
            )(down)
    up = found.pop()
    for level in range(LEVELS, 0, -1):
        width = config.channels(level - 1) if level > 1 else 1
        if config.activation == "elu":
            up = _convolution(PHASES * width, f"{name}up_{level}", size=3)(up)
            up = ComposedElu(name=f"{name}grown_{level}")(up)
            up = ChannelGain(name=f"{name}up_gain_{level}")(up)
        else:
            up = _convolution(
                PHASES * width, f"{name}up_{level}", size=3, activation="relu"
            )(up)
        if level not in config.without_shifts(input_planes):
            up = ChannelShift(name=f"{name}up_offset_{level}")(up)
        if level > 1:
            up = PhasesToPixels(name=f"{name}pixels_{level}")(up)
            up = JoinLevelled(name=f"{name}join_{level}")([found.pop(), up])
    first = _convolution(CHANNELS * PHASES, f"{name}logits_0")(up)
    if output_planes == 1:
        return [first]
    beside = layers.Concatenate(name=f"{name}logits_inputs")([up, first])
    second = RemainderDecoder(
        CHANNELS * PHASES, KERNEL, padding="same", exact=CHANNELS * PHASES,
        name=f"{name}logits_1",
    )(beside)
    return [first, second]


def _first(inputs: Tensor, config: SpleeterConfig, name: str, planes: int) -> Tensor:
    """The first convolution: one a plane, as weights of 1 and of 1/256 fit no common scale."""
    found = None
    for plane in range(planes):
        taken = inputs
        if planes > 1:
            taken = TakeChannels(
                plane * CHANNELS, CHANNELS, name=f"{name}plane_{plane}"
            )(inputs)
        part = _convolution(
            config.filters, f"{name}conv_1_{plane}", 2, use_bias=plane == 0
        )(taken)
        found = part if found is None else layers.Add(name=f"{name}added_{plane}")([found, part])
    return found


def _convolution(
    width: int, name: str, stride: int = 1, size: int = KERNEL, **options: Any
) -> KerasLayer:
    return layers.Conv2D(width, size, stride, padding="same", name=name, **options)


def _norm(name: str) -> KerasLayer:
    return layers.BatchNormalization(epsilon=EPSILON, name=name)


def _activation(config: SpleeterConfig, name: str, slope: float = 0.0) -> KerasLayer:
    if config.activation == "elu":
        return layers.Activation("elu", name=name)
    return FixedSlopePReLU(slope, name=name) if slope else layers.ReLU(name=name)
