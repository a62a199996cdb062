"""The mean of the masks, which the latent does not hold (``fqss_tf.models.masking``)."""

from collections.abc import Iterable

import numpy as np
import tensorflow as tf
import tf_keras as keras

from fqss_tf.layers.center import FromMean
from fqss_tf.types import FloatArray, KerasModel

SMALLEST_ENERGY = 1e-12  # of a channel that is silent


def center_masks(network: KerasModel, mixtures: Iterable[FloatArray]) -> None:
    """Measures the mean of the masks and takes it from them, in place.

    ``fqss_tf.models.masking.decode_mean`` has to add it again, once nothing else changes the
    weights. Changes only networks whose latent is ``centered``.

    Args:
        network: float, from ``fqss_tf.quantization.folding.add_planes``.
        mixtures: batches ``[B, T]`` at the level of the network.
    """
    change = next((layer for layer in network.layers if isinstance(layer, FromMean)), None)
    if change is not None:
        change.set_weights([_mean_masks(network, change, mixtures)])


def _mean_masks(
    network: KerasModel, change: FromMean, mixtures: Iterable[FloatArray]
) -> FloatArray:
    """The constant of each channel that is nearest to the masks, weighted by what they mask."""
    _, encoded = network.get_layer("masked").input
    read = keras.Model(network.input, [change.input, encoded])

    def sums(mixture: FloatArray) -> tuple[tf.Tensor, tf.Tensor]:
        masks, encoded = read(mixture)
        energy = tf.broadcast_to(encoded**2, tf.shape(masks))
        return tf.reduce_sum(masks * energy, [0, 1, 2]), tf.reduce_sum(energy, [0, 1, 2])

    measure = tf.function(sums, autograph=False)
    found = [measure(mixture[:, None, :, None]) for mixture in mixtures]
    products, energies = (np.sum(each, axis=0) for each in zip(*found, strict=True))
    return np.asarray(products / np.maximum(energies, SMALLEST_ENERGY), np.float32)
