"""Channels of the joins at the range of samples, which is what all joined tensors have."""

import numpy as np

from fqss_tf.formats import CHANNELS
from fqss_tf.models.network import ChannelRanges
from fqss_tf.models.spleeter.graph import PHASES
from fqss_tf.models.spleeter.sizes import LEVELS, SpleeterConfig
from fqss_tf.types import FloatArray, KerasModel

SMALLEST_RANGE = 1e-6  # of a channel that is silent


def equalize(
    network: KerasModel, config: SpleeterConfig, ranges: ChannelRanges, strength: float
) -> None:
    """Scales what each join reads to [-1, 1), and undoes it in the convolution behind, in place.

    Behind a LeakyReLU the scale goes on to the next convolution; in front of an ELU a gain takes
    it away.

    Args:
        network: float, as ``build`` makes it for export.
        config: its sizes.
        ranges: measures the channels of some layers.
        strength: 0 to 1, how far channels of a tensor are made equally large. All have one scale
            with 0, each its own with 1.
    """
    stems = [f"stem_{stem}_" for stem in range(config.sources)]
    planes = sum(layer.name.startswith(f"{stems[0]}conv_1_") for layer in network.layers)
    names = {
        name for stem in stems for level in range(1, LEVELS + 1)
        for name in (_down(stem, level, planes), _up(stem, level)) if level < LEVELS or "up" in name
    }
    found = ranges(names)
    for stem in stems:
        read: FloatArray = np.ones(1)
        for level in range(1, LEVELS):
            scale = _scale(found[_down(stem, level, planes)], strength)
            _scale_down(network, config, stem, level, planes, scale)
        for level in range(LEVELS, 0, -1):
            grown = found[_up(stem, level)].reshape(PHASES, -1).max(axis=0)
            scale = _scale(grown, strength)
            _scale_up(network, config, stem, level, np.tile(scale, PHASES))
            if level > 1:
                skip = _scale(found[_down(stem, level - 1, planes)], strength)
                read = np.concatenate([skip, scale])
                _divide(network, f"{stem}up_{level - 1}", read)
            else:
                read = np.tile(scale, PHASES)
                _divide(network, f"{stem}logits_0", read)
                if f"{stem}logits_1" in {layer.name for layer in network.layers}:
                    _divide(network, f"{stem}logits_1", np.concatenate(
                        [read, np.ones(CHANNELS * PHASES)]
                    ))


def _down(stem: str, level: int, planes: int) -> str:
    """The layer on the way down that a join reads."""
    if level > 1:
        return f"{stem}conv_{level}"
    return f"{stem}conv_1_0" if planes == 1 else f"{stem}sum_{planes - 1}"


def _up(stem: str, level: int) -> str:
    return f"{stem}up_shift_{level}"


def _scale(ranges: FloatArray, strength: float) -> FloatArray:
    """What to multiply channels by so that the largest has the range 1."""
    ranges = np.maximum(ranges.astype(np.float64), SMALLEST_RANGE)
    scale = (ranges / ranges.max()) ** -strength
    return scale / (scale * ranges).max()


def _scale_down(
    network: KerasModel, config: SpleeterConfig, stem: str, level: int, planes: int,
    scale: FloatArray,
) -> None:
    names = [f"{stem}conv_{level}"]
    if level == 1:
        names = [f"{stem}conv_1_{plane}" for plane in range(planes)]
    for name in names:
        _multiply(network, name, scale)
    if config.activation == "elu":
        _multiply(network, f"{stem}gain_{level}", 1 / scale)
        return
    _multiply(network, f"{stem}shift_{level}", scale)
    _divide(network, f"{stem}conv_{level + 1}", scale)


def _scale_up(
    network: KerasModel, config: SpleeterConfig, stem: str, level: int, scale: FloatArray
) -> None:
    first = "up_gain" if config.activation == "elu" else "up"
    for name in (first, "up_shift"):
        _multiply(network, f"{stem}{name}_{level}", scale)


def _multiply(network: KerasModel, name: str, scale: FloatArray) -> None:
    """Multiplies what a layer gives."""
    layer = network.get_layer(name)
    layer.set_weights([values * scale.astype(np.float32) for values in layer.get_weights()])


def _divide(network: KerasModel, name: str, scale: FloatArray) -> None:
    """Divides what a convolution reads."""
    layer = network.get_layer(name)
    kernel, *bias = layer.get_weights()
    layer.set_weights([kernel / scale.astype(np.float32)[:, None], *bias])
