"""Gives a network trained on scale-invariant SDR the level of its sources."""

from collections.abc import Iterable

import numpy as np

from fqss_tf.audio.levels import peak_gain
from fqss_tf.layers.sample_sum import SampleSum
from fqss_tf.metrics import assigned_si_sdr
from fqss_tf.models.inference import separation_function
from fqss_tf.types import KerasModel, MixturePair


def calibrate_level(
    model: KerasModel, mixtures: Iterable[MixturePair], in_order: bool = False
) -> float:
    """Scales the decoder so that estimates and sources have one level, in the least-squares sense.

    SI-SDR leaves the scale and the sign of the estimates open, but an 8-bit output has a fixed
    range of [-1, 1). Changes ``model`` in place.

    Args:
        model: float Keras model with a layer ``decoder_0``.
        mixtures: (mixture [T], sources [S, T]) pairs.
        in_order: as of ``assigned_si_sdr``.

    Returns:
        The gain.
    """
    if any(isinstance(layer, SampleSum) for layer in model.layers):
        return 1.0
    separate = separation_function(model, model.input_shape[-1])
    product = energy = 0.0
    for mixture, sources in mixtures:
        gain = peak_gain(mixture)
        estimates = separate(mixture * gain)
        _, permutation = assigned_si_sdr(estimates, sources, in_order)
        product += np.sum(estimates[list(permutation)] * sources * gain)
        energy += np.sum(estimates.astype(np.float64) ** 2)
    gain = product / energy
    scale_decoder(model, gain)
    return gain


def scale_decoder(model: KerasModel, gain: float) -> None:
    """Multiplies the estimates of a float model by ``gain``."""
    decoder = model.get_layer("decoder_0")
    decoder.set_weights([decoder.get_weights()[0] * gain])
