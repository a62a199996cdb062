"""Means that 8-bit tensors need not hold: of the masks, and of what global norms measure."""

from collections.abc import Iterable

import numpy as np
import tensorflow as tf
import tf_keras as keras

from fqss_tf.layers.center import FromMean
from fqss_tf.models.masking import MASK_CHANGE
from fqss_tf.types import FloatArray, KerasLayer, KerasModel

SMALLEST_ENERGY = 1e-12  # of a channel that is silent


def center_masks(network: KerasModel, mixtures: Iterable[FloatArray]) -> None:
    """Measures the mean of the masks and takes it from them, in place.

    ``fqss_tf.models.masking.decode_beside`` has to add it again, once nothing else changes the
    weights. Changes only networks whose latent is ``centered``.

    Args:
        network: float, from ``fqss_tf.quantization.folding.add_planes``.
        mixtures: batches ``[B, T]`` at the level of the network.
    """
    change = next((layer for layer in network.layers if layer.name == MASK_CHANGE), None)
    if change is not None:
        change.set_weights([_mean_masks(network, change, mixtures)])


def center_norms(network: KerasModel, mixtures: Iterable[FloatArray]) -> None:
    """Takes what the mean m of each global norm is on average from the convolutions behind it.

    In place, and the function of the network stays the same: ``pointwise_of_norm`` of
    ``fqss_tf.models.convtasnet.norms`` tells how.

    Args:
        network: as of ``center_masks``.
        mixtures: as there.
    """
    changes = [
        layer for layer in network.layers
        if isinstance(layer, FromMean) and layer.name != MASK_CHANGE
    ]
    if not changes:
        return
    read = keras.Model(network.input, [change.input for change in changes])
    measure = tf.function(
        lambda mixture: [tf.reduce_mean(mean) for mean in tf.nest.flatten(read(mixture))],
        autograph=False,
    )
    means = np.mean([measure(mixture[:, None, :, None]) for mixture in mixtures], axis=0)
    for change, mean in zip(changes, means, strict=True):
        change.set_weights([np.array([mean])])
        centre = change.outbound_nodes[0].outbound_layer
        for node in centre.outbound_nodes:
            _take_from_convolution(node.outbound_layer, mean)


def _take_from_convolution(offset: KerasLayer, mean: float) -> None:
    """``offset`` is what is added to the product of a convolution and the reciprocal deviation."""
    added = offset.outbound_nodes[0].inbound_layers
    (product,) = (layer for layer in added if layer is not offset)
    convolution = product.inbound_nodes[0].inbound_layers[0]
    if isinstance(convolution, keras.layers.Add):  # of one convolution for each plane
        convolution = convolution.inbound_nodes[0].inbound_layers[0]
    minus_sums, _ = offset.get_weights()
    kernel, _ = convolution.get_weights()
    convolution.set_weights([kernel, mean * minus_sums[0, 0, 0]])


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
