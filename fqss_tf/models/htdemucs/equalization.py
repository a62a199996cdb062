"""Levels that HTDemucs has in 8 bits: what it hears and gives is in the range of samples."""

from fqss_tf.models.htdemucs.branches import BRANCHES, Branch
from fqss_tf.models.htdemucs.folding import HALF_STEP
from fqss_tf.models.htdemucs.sizes import HTDemucsConfig
from fqss_tf.models.network import ChannelRanges
from fqss_tf.types import FloatArray, KerasLayer, KerasModel

# The loudest sample or bin that was measured is so many times below the full scale: the next song
# may be louder.
ROOM = 1.3
SMALLEST_BOUND = 1e-6  # of what is silent


def set_bounds(network: KerasModel, ranges: ChannelRanges) -> None:
    """Measures what becomes full scale, and gives it to the layers at both ends, in place.

    Args:
        network: float, with bounds of 1.
        ranges: measures the channels of some layers.
    """
    for branch in BRANCHES:
        over = f"{branch.heard}_over_bound"
        bound = _largest(ranges({over})[over])
        network.get_layer(over).set_weights([bound])
        for layer in _layers(network, f"{branch.name}_encoder_0"):
            kernel, *bias = layer.get_weights()
            layer.set_weights([kernel * bound, *bias])
    for branch in BRANCHES:
        times = f"{branch.given}_times_bound"
        bound = _largest(ranges({times})[times])
        network.get_layer(times).set_weights([bound])
        _scale_decoders(network, branch, 1 / bound)


def latent_names(config: HTDemucsConfig) -> tuple[str, ...]:
    """The layers whose outputs the last decoders read, one of each branch."""
    last = f"branch_{config.branches - 1}_added" if config.decoder_branches else "rewrite_gated"
    return tuple(f"{branch.name}_decoder_0_{last}" for branch in BRANCHES)


def scale_latent(
    network: KerasModel, config: HTDemucsConfig, factor: float, latent: str
) -> None:
    """Multiplies a latent, in place; arguments as of ``Network.scale_latent``."""
    name = latent.split("_", 1)[0] + "_decoder_0"
    _scale(network.get_layer(f"{name}_rewrite_value"), factor)
    if config.decoder_branches:
        for index in range(config.branches):
            part = f"{name}_branch_{index}"
            _scale(network.get_layer(f"{part}_gain"), factor)
            read = network.get_layer(f"{part}_in")
            kernel, bias = read.get_weights()
            read.set_weights([kernel / factor, bias])
    for layer in _layers(network, name):
        kernel, bias = layer.get_weights()
        kernel[:, :, : kernel.shape[2] - getattr(layer, "exact", 0)] /= factor
        layer.set_weights([kernel, bias])


def _scale_decoders(network: KerasModel, branch: Branch, factor: float) -> None:
    """Multiplies what all planes stand for together."""
    layers = _layers(network, f"{branch.name}_decoder_0")
    for plane, layer in enumerate(layers):
        kernel, bias = layer.get_weights()
        kernel[:, :, : kernel.shape[2] - getattr(layer, "exact", 0)] *= factor
        # What turns rounding into flooring, and what the combiner adds, is not of the estimates.
        fixed = 0.0
        if len(layers) > 1:
            fixed = -HALF_STEP if plane == 0 else -1.0
        layer.set_weights([kernel, (bias - fixed) * factor + fixed])


def _scale(layer: KerasLayer, factor: float) -> None:
    layer.set_weights([values * factor for values in layer.get_weights()])


def _layers(network: KerasModel, name: str) -> list[KerasLayer]:
    """The convolutions of all planes."""
    names = {layer.name for layer in network.layers}
    return [
        network.get_layer(each) for each in (name, f"{name}_plane_1") if each in names
    ]


def _largest(sizes: FloatArray) -> float:
    return max(ROOM * float(sizes.max()), SMALLEST_BOUND)
