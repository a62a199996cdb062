"""HTDemucs as a Keras graph: a U-Net over the spectrogram, one over the waveform, and between them.

``fqss_tf.models.htdemucs.parts`` has what they are made of.
"""

import tensorflow as tf
import tf_keras as keras

from fqss_tf.formats import CHANNELS
from fqss_tf.layers.full_scale import TimesBound
from fqss_tf.layers.planes import Combiner
from fqss_tf.layers.positions import AddRows
from fqss_tf.models.htdemucs import parts
from fqss_tf.models.htdemucs.branches import BRANCHES, COMPLEX, Branch
from fqss_tf.models.htdemucs.sizes import HTDemucsConfig
from fqss_tf.models.htdemucs.transformer import across
from fqss_tf.models.sizes import Residual
from fqss_tf.types import KerasModel, Tensor

layers = keras.layers


@tf.autograph.experimental.do_not_convert
def build(
    config: HTDemucsConfig, *, input_planes: int = 1, output_planes: int = 1,
    residual: Residual = "exact", for_export: bool = False,
) -> KerasModel:
    """The network as a Keras model of normalized inputs.

    Waveform ``[B, 1, T, 2]`` and spectrogram ``[B, bins, frames, 4]`` (real and imaginary part of
    the left, then of the right channel) -> the same of all sources, ``[B, 1, T, 2 S]`` and
    ``[B, bins, frames, 4 S]``, each source's channels together.

    Arguments as of ``fqss_tf.models.registry.build``. As published there are no planes. The
    tensors that cross the border of a ``.tflite`` of integers are the outputs of ``splitter`` and
    ``beside_splitter``, of ``stage_0`` and ``spectra_0``, and so on.
    """
    spectrogram = keras.Input((config.bins, None, COMPLEX * CHANNELS), name="spectrogram")
    mixture = keras.Input((1, None, CHANNELS), name="mixture")
    values = [spectrogram, mixture]
    if for_export:
        values = [
            parts.split(each, branch, input_planes)
            for each, branch in zip(values, BRANCHES, strict=True)
        ]
    passed: list[list[Tensor]] = []
    read: list[list[Tensor]] = []
    for level in range(config.depth):
        read.append(values)
        values = [
            _encoded(each, branch, level, config, for_export, input_planes)
            for each, branch in zip(values, BRANCHES, strict=True)
        ]
        if level == 0:
            values[0] = AddRows(name="frequency_rows")(values[0])
        passed.append(values)
    values = across(values, config, [branch.name for branch in BRANCHES], for_export)
    for level in reversed(range(config.depth)):
        grown = [
            _decoded(each, branch, level, config, skip, reference, for_export, output_planes)
            for each, branch, skip, reference in zip(
                values, BRANCHES, passed[level], read[level], strict=True
            )
        ]
        values = [each[0] for each in grown]
    if for_export:
        values = [
            _combined(planes, branch) for planes, branch in zip(grown, BRANCHES, strict=True)
        ]
    return keras.Model([mixture, spectrogram], values[::-1], name="htdemucs")


def _encoded(
    inputs: Tensor, branch: Branch, level: int, config: HTDemucsConfig, for_export: bool,
    planes: int,
) -> Tensor:
    name = f"{branch.name}_encoder_{level}"
    wide = parts.convolved(inputs, branch, level, config, for_export, planes)
    wide = layers.Activation("gelu", name=f"{name}_gelu")(wide)
    wide = parts.beside(wide, name, config, for_export)
    return parts.gated(wide, f"{name}_rewrite", config.channels(level), for_export)


def _decoded(
    inputs: Tensor, branch: Branch, level: int, config: HTDemucsConfig, skip: Tensor,
    reference: Tensor, for_export: bool, planes: int,
) -> list[Tensor]:
    """Arguments as of ``parts.grown``, whose result this is."""
    name = f"{branch.name}_decoder_{level}"
    added = layers.Add(name=f"{name}_added")([inputs, skip])
    seen = (3, 3) if branch.along_rows else (1, 3)
    gated = parts.gated(added, f"{name}_rewrite", config.channels(level), for_export, seen)
    if config.decoder_branches:
        gated = parts.beside(gated, name, config, for_export)
    return parts.grown(gated, branch, level, config, reference, for_export, planes)


def _combined(planes: list[Tensor], branch: Branch) -> Tensor:
    whole = Combiner(name=f"{branch.given}_combiner")(planes)
    return TimesBound(name=f"{branch.given}_times_bound")(whole)
