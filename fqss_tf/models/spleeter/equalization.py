"""Channels of the joins at the range of samples, which is what all joined tensors have.

A channel that is multiplied gets more of the steps of its tensor, and takes from the weights behind
it, which have one scale for all channels that they add up. So a channel is multiplied by powers of
its weight and of one over its range (SmoothQuant, Xiao et al. 2023): a loud one that hardly counts
does not make all others coarse.
"""

import numpy as np

from fqss_tf.formats import CHANNELS
from fqss_tf.models.network import ChannelRanges
from fqss_tf.models.spleeter.graph import PHASES
from fqss_tf.models.spleeter.sizes import LEVELS, SpleeterConfig
from fqss_tf.types import FloatArray, KerasModel

SMALLEST = 1e-6  # range or weight of a channel that is silent
# 0 gives all channels one range, 1 one weight. Rounded weights cost less than rounded channels,
# whose peaks are fifty times their RMS.
SHARE_OF_WEIGHTS = 0.3


def equalize(network: KerasModel, config: SpleeterConfig, ranges: ChannelRanges) -> None:
    """Scales what each join reads to [-1, 1), and undoes it in the convolution behind, in place.

    Behind a LeakyReLU the scale goes on to the next convolution; in front of an ELU a gain takes
    it away.

    Args:
        network: float, as ``build`` makes it for export.
        config: its sizes.
        ranges: measures the channels of some layers.
    """
    names = {layer.name for layer in network.layers}
    stems = [f"stem_{stem}_" for stem in range(config.sources)]
    planes = sum(name.startswith(f"{stems[0]}conv_1_") for name in names)
    ups = {
        (stem, level): next(
            name for name in (f"{stem}up_offset_{level}", f"{stem}up_{level}") if name in names
        )
        for stem in stems for level in range(1, LEVELS + 1)
    }
    downs = {_down(stem, level, planes) for stem in stems for level in range(1, LEVELS)}
    found = ranges(set(ups.values()) | downs)
    for stem in stems:
        scales = {
            level: _scale(
                found[_down(stem, level, planes)],
                _down_weights(network, config, stem, level),
            )
            for level in range(1, LEVELS)
        }
        up_ranges = {
            level: found[ups[stem, level]].reshape(PHASES, -1).max(axis=0)
            for level in range(1, LEVELS + 1)
        }
        up_ranges[1] = np.minimum(up_ranges[1], _telling(network, stem))
        grown = {
            level: _scale(each, _up_weights(network, stem, level))
            for level, each in up_ranges.items()
        }
        for level, scale in scales.items():
            _scale_down(network, config, stem, level, planes, scale)
            _divide(network, f"{stem}up_{level}", np.concatenate([scale, grown[level + 1]]))
        for level, scale in grown.items():
            first = "up_gain" if config.activation == "elu" else "up"
            for name in (first, "up_offset"):
                if f"{stem}{name}_{level}" in names:
                    _multiply(network, f"{stem}{name}_{level}", np.tile(scale, PHASES))
        read = np.tile(grown[1], PHASES)
        _divide(network, f"{stem}logits_0", read)
        if f"{stem}logits_1" in names:
            samples = np.ones(CHANNELS * PHASES)
            _divide(network, f"{stem}logits_1", np.concatenate([read, samples]))


def _down(stem: str, level: int, planes: int) -> str:
    """The layer on the way down that a join reads."""
    if level > 1:
        return f"{stem}conv_{level}"
    return f"{stem}conv_1_0" if planes == 1 else f"{stem}added_{planes - 1}"


def _down_weights(
    network: KerasModel, config: SpleeterConfig, stem: str, level: int
) -> FloatArray:
    """How much each channel counts that the way down makes: in the join, and further down."""
    joined = _weights(network, f"{stem}up_{level}")[: config.channels(level)]
    if config.activation == "elu":
        return joined
    return np.maximum(joined, _weights(network, f"{stem}conv_{level + 1}"))


def _up_weights(network: KerasModel, stem: str, level: int) -> FloatArray:
    """How much each channel counts that the way up makes."""
    if level == 1:
        return np.ones(1)
    return np.split(_weights(network, f"{stem}up_{level - 1}"), 2)[1]


def _telling(network: KerasModel, stem: str) -> float:
    """The largest value in front of the logits that they do not cut off anyway.

    Its steps are those of the mask, and a few peaks are a hundred times as large.
    """
    kernel, bias = network.get_layer(f"{stem}logits_0").get_weights()
    slopes = np.maximum(np.abs(kernel.sum(axis=(0, 1, 2))), SMALLEST)
    return float(((1 + np.abs(bias)) / slopes).max())


def _weights(network: KerasModel, name: str) -> FloatArray:
    """The largest share [inputs] of each input of a convolution in the range of an output."""
    kernel = np.abs(network.get_layer(name).get_weights()[0])
    largest = np.maximum(kernel.max(axis=(0, 1, 2)), SMALLEST)
    return (kernel / largest).max(axis=(0, 1, 3))


def _scale(ranges: FloatArray, weights: FloatArray) -> FloatArray:
    """What to multiply channels by so that the largest has the range 1."""
    ranges = np.maximum(ranges.astype(np.float64), SMALLEST)
    weights = np.maximum(weights, SMALLEST)
    scale = weights**SHARE_OF_WEIGHTS / ranges ** (1 - SHARE_OF_WEIGHTS)
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
    _multiply(network, f"{stem}offset_{level}", scale)
    _divide(network, f"{stem}conv_{level + 1}", scale)


def _multiply(network: KerasModel, name: str, scale: FloatArray) -> None:
    """Multiplies what a layer gives."""
    layer = network.get_layer(name)
    layer.set_weights([values * scale.astype(np.float32) for values in layer.get_weights()])


def _divide(network: KerasModel, name: str, scale: FloatArray) -> None:
    """Divides what a convolution reads."""
    layer = network.get_layer(name)
    kernel, *bias = layer.get_weights()
    layer.set_weights([kernel / scale.astype(np.float32)[:, None], *bias])
