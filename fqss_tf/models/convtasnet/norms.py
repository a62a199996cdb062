"""Convolutions of a global layer norm's output ``gamma (x - m) r + beta``, without computing it.

For export: over ``[B, 1, T, C]`` there are only the passes that measure the mean m and
the reciprocal deviation r, one that multiplies by a vector or scalar, and one that adds a vector.
Whatever else the norm does happens to scalars, to vectors, or in the convolution's weights. Layers
are named after the norm and the convolution; ``folding`` sets their weights.
"""

from collections.abc import Mapping

import tf_keras as keras

from fqss_tf.layers.center import FromMean
from fqss_tf.layers.statistics import ItemMean, ItemVariance, ReciprocalRoot
from fqss_tf.types import Tensor

layers = keras.layers


def norm_in_two_passes(inputs: Tensor, norm: str) -> Tensor:
    """The norm's output ``x (gamma r) + (beta - gamma m r)``, two passes over the tensor.

    For a depthwise convolution behind, which pads zeros to the norm's output: no part of it can
    move into the convolution.

    Args:
        inputs: what the norm reads, ``[B, 1, T, C]``.
        norm: its name.
    """
    channels = inputs.shape[-1]
    mean, reciprocal = _statistics(inputs, norm)
    centre = layers.Multiply(name=f"{norm}_centre")([mean, reciprocal])
    gain = layers.Conv2D(channels, 1, use_bias=False, name=f"{norm}_gain")(reciprocal)
    shift = layers.Conv2D(channels, 1, name=f"{norm}_shift")(centre)
    scaled = layers.Multiply(name=f"{norm}_scaled")([inputs, gain])
    return layers.Add(name=f"{norm}_shifted")([scaled, shift])


def pointwise_of_norm(convolved: Mapping[str, Tensor], inputs: Tensor, norm: str) -> list[Tensor]:
    """The 1x1 convolutions of the norm's output, which they may be narrower than.

    ``r (W x - e w) + (b - (m - e) r w)``: gamma is in W, beta in b, and w are the sums of W. The
    constant e is 0 until ``fqss_tf.quantization.centering`` sets it to what m is on average. Where
    m is far from 0, the range of W x would be that of a constant that the sum takes away. Instead
    of r there is a vector of it, for which equalization may give the convolution channels of other
    scales than those of what it is added to.

    Args:
        convolved: by name of the convolution, ``W x - e w``, each ``[B, 1, T, its width]``.
        inputs: x, ``[B, 1, T, C]``.
        norm: its name.
    """
    mean, reciprocal = _statistics(inputs, norm)
    change = FromMean(name=f"{norm}_mean_change", trainable=False)(mean)
    centre = layers.Multiply(name=f"{norm}_centre")([change, reciprocal])
    outputs = []
    for name, product in convolved.items():
        width = product.shape[-1]
        gain = layers.Conv2D(width, 1, use_bias=False, name=f"{name}_gain")(reciprocal)
        scaled = layers.Multiply(name=f"{name}_scaled")([product, gain])
        offset = layers.Conv2D(width, 1, name=f"{name}_offset")(centre)
        outputs.append(layers.Add(name=f"{name}_normed")([scaled, offset]))
    return outputs


def _statistics(inputs: Tensor, norm: str) -> tuple[Tensor, Tensor]:
    """(m, r), each ``[B, 1, 1, 1]``."""
    mean = ItemMean(name=f"{norm}_mean")(inputs)
    variance = ItemVariance(name=f"{norm}_variance")([inputs, mean])
    return mean, ReciprocalRoot(name=f"{norm}_reciprocal_deviation")(variance)
