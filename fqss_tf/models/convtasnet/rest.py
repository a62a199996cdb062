"""From a network that finds half the difference of two sources to one that finds the second one.

The second source is ``x / 2 - d`` of the mixture x and half the difference d, which is decoded of
masks. A filterbank that decodes what it encodes makes x / 2 of masks of 1/2. Trained filterbanks do
not, but with a gain g for each channel they nearly do. So the masks become ``g / 2`` less what they
were. The function changes by little, about -40 dB of the mixture, which more training mends.
"""

import numpy as np

from fqss_tf.models.convtasnet.sizes import ConvTasNetConfig
from fqss_tf.types import Arrays, FloatArray

# Neighboring samples of sound are alike. Beside that, a little noise: all frequencies count.
CORRELATION = 0.9
NOISE = 1e-3
# Of the mean power of the channels' samples: added to each of them, so that none gets a huge gain.
DAMPING = 1e-4


def second_source(weights: Arrays, config: ConvTasNetConfig) -> Arrays:
    """Returns weights by name, with masks of the second source.

    Args:
        weights: by name, with masks of half the difference; linear masks.
        config: sizes.
    """
    gains = reconstructing_gains(weights["encoder_0/kernel"], weights["decoder_0/kernel"])
    bias = gains / 2 - weights["mask_0/bias"]
    return {
        **weights, "mask_0/kernel": -weights["mask_0/kernel"],
        "mask_0/bias": bias.astype(np.float32),
    }


def reconstructing_gains(encoder: FloatArray, decoder: FloatArray) -> FloatArray:
    """Returns the gain of each channel with which a decoder makes sound best of its encoding.

    Args:
        encoder: kernel ``[1, taps, hop, filters]``.
        decoder: kernel ``[1, taps, filters, hop]``.

    Returns:
        float64 ``[filters]``.
    """
    _, taps, hop, filters = encoder.shape
    samples = (2 * taps - 1) * hop  # that a block of the decoder hears
    lags = np.abs(np.arange(samples)[:, None] - np.arange(samples))
    covariance = CORRELATION**lags + NOISE * np.eye(samples)
    # Frame j of those that a block is decoded of begins j blocks later than the first.
    frames = np.zeros((taps, samples, filters))
    for tap in range(taps):
        frames[tap, tap * hop : (tap + taps) * hop] = encoder.reshape(taps * hop, filters)
    frames_and_samples = np.einsum("jsn,st->jnt", frames, covariance, optimize=True)
    wanted = frames_and_samples[:, :, (taps - 1) * hop : taps * hop]
    products = sum(
        (frames_and_samples[j] @ frames[k]) * (decoder[0, j] @ decoder[0, k].T)
        for j in range(taps) for k in range(taps)
    )
    products += DAMPING * np.trace(products) / filters * np.eye(filters)
    return np.linalg.solve(products, np.einsum("jnt,jnt->n", wanted, decoder[0]))
