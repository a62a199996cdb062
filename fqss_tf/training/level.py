"""Gives a network trained on scale-invariant SDR the level of its sources."""

import numpy as np

from fqss_tf.metrics import pit_si_sdr


def calibrate_level(model, mixtures):
    """Scales the decoder so that estimates and sources have one level, in the least-squares sense.

    SI-SDR leaves the scale and the sign of the estimates open, but an 8-bit output has a fixed
    range of [-1, 1). Changes ``model`` in place.

    Args:
        model: float Keras model with a layer ``decoder_0``.
        mixtures: (mixture [T], sources [S, T]) pairs.

    Returns:
        The gain.
    """
    product = energy = 0.0
    for mixture, sources in mixtures:
        gain = 1 / max(np.abs(mixture).max(), 1e-8)
        inputs = (mixture * gain)[None, None, :, None]
        estimates = model.predict_on_batch(inputs)[0, ..., 0]
        _, permutation = pit_si_sdr(estimates, sources)
        product += np.sum(estimates[list(permutation)] * sources * gain)
        energy += np.sum(estimates.astype(np.float64) ** 2)
    gain = product / energy
    decoder = model.get_layer("decoder_0")
    decoder.set_weights([decoder.get_weights()[0] * gain])
    return gain
