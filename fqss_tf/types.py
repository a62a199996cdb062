"""Names of the types that many modules share; no TensorFlow."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

# One channel of sound, [samples]; float32, full scale at 1.
Waveform: TypeAlias = NDArray[np.float32]
# [sources, samples], float32, full scale at 1.
Sources: TypeAlias = NDArray[np.float32]
# Sound as it is read and written: int16 as it is, or float32 with full scale at 1; [samples] or
# [sources, samples].
Samples: TypeAlias = NDArray[np.int16] | NDArray[np.float32]
# An 8-bit tensor at scale 1/128, [samples, planes].
PlaneArray: TypeAlias = NDArray[np.int8]
FloatArray: TypeAlias = NDArray[np.floating[Any]]
IntArray: TypeAlias = NDArray[np.integer[Any]]
PathLike: TypeAlias = str | Path
# What a JSON object is in Python.
Json: TypeAlias = dict[str, Any]
# TensorFlow and Keras have no types of their own: names say what is meant.
Tensor: TypeAlias = Any
KerasModel: TypeAlias = Any
KerasLayer: TypeAlias = Any


class Planes(NamedTuple):
    """How many 8-bit tensors the mixture enters as, and an estimate leaves as."""

    input: int
    output: int


# Hears of progress: how much is done, and of how much in all; in any unit.
OnProgress: TypeAlias = Callable[[float, float], None]
# Of TensorFlow, or a tuple of the same numbers, None for those that are not known.
TensorShape: TypeAlias = Any
# What becomes of an inner tensor of a layer: its quantizer, or nothing.
Activation: TypeAlias = Callable[[Tensor], Tensor]
# Arrays as ``set_weights`` takes them, by the name of the layer.
LayerWeights: TypeAlias = dict[str, list[FloatArray]]


# (mixture [samples], sources [sources, samples]) of one length.
MixturePair: TypeAlias = tuple[Waveform, Sources]
# What a Keras model takes of a batch of mixtures: an array or tensor, or a list of them.
NetworkInputs: TypeAlias = Any
# Separates a mixture [samples] into estimates [sources, samples].
Separate: TypeAlias = Callable[[Waveform], Sources]
# Arrays by name, such as the weights of a model.
Arrays: TypeAlias = dict[str, NDArray[Any]]
# Scores weights by name: (SI-SDR as integers in dB, that minus the simulation's).
ScoreWeights: TypeAlias = Callable[[Arrays], tuple[float, float]]
# Named, as the others of TensorFlow, for what is meant.
Dataset: TypeAlias = Any
Optimizer: TypeAlias = Any
Variable: TypeAlias = Any
# Sound as callers have it: int16, or any floats with full scale at 1.
AnySamples: TypeAlias = NDArray[np.int16] | FloatArray
# (name, level difference of source 1 over the loudest other in dB, mixture, sources).
NamedMixture: TypeAlias = tuple[str, float, Waveform, Sources]
