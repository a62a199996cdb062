"""Convolutions of a global layer norm's output ``gamma (x - m) r + beta``, without computing it.

For the deployable form: over ``[B, 1, T, C]`` there are only the passes that measure the mean m and
the reciprocal deviation r, and one or two that add a vector. Whatever else the norm does happens to
scalars, to vectors, or in the convolution's weights. Layers are named after the norm and the
convolution; ``fqss_tf.quantization.transfer`` sets their weights.
"""

import tf_keras as keras

from fqss_tf.layers.statistics import ItemMean, ItemVariance, ReciprocalRoot

layers = keras.layers


def depthwise_of_norm(convolution, inputs, norm):
    """The depthwise convolution of the norm's output, times the deviation s = 1/r.

    What follows is positively homogeneous up to the next norm, and that norm takes s out. Zeros
    must be padded to the norm's output. So the tensor that is convolved is
    ``x + s beta / gamma - m``; gamma is in the kernel.

    Args:
        convolution: a DepthwiseConv2D without bias.
        inputs: what the norm reads, ``[B, 1, T, C]``.
        norm: its name.
    """
    channels, name = inputs.shape[-1], convolution.name
    mean, variance, reciprocal = _statistics(inputs, norm, 1e-8)
    deviation = layers.Multiply(name=f"{norm}_deviation")([variance, reciprocal])
    norm_bias = layers.Conv2D(channels, 1, use_bias=False, name=f"{norm}_bias")(deviation)
    shift = layers.Subtract(name=f"{norm}_shift")([norm_bias, mean])
    shifted = layers.Add(name=f"{norm}_shifted")([inputs, shift])
    bias = layers.Conv2D(channels, 1, use_bias=False, name=f"{name}_bias")(deviation)
    return layers.Add(name=f"{name}_biased")([convolution(shifted), bias])


def pointwise_of_norm(convolutions, inputs, norm):
    """The 1x1 convolutions of the norm's output, which they may be narrower than.

    ``r W x + (b - m r w)``: gamma is in W, beta in b, and w are the sums of W.

    Args:
        convolutions: Conv2D layers of kernel 1 without bias.
        inputs: what the norm reads, ``[B, 1, T, C]``; times any positive number.
        norm: its name.
    """
    # The variance is that of the trained network times the variance that depthwise_of_norm left
    # in, and so would the trained epsilon have to be.
    mean, _, reciprocal = _statistics(inputs, norm, 1e-16)
    centre = layers.Multiply(name=f"{norm}_centre")([mean, reciprocal])
    outputs = []
    for convolution in convolutions:
        name = convolution.name
        scaled = layers.Multiply(name=f"{name}_scaled")([convolution(inputs), reciprocal])
        offset = layers.Conv2D(convolution.filters, 1, name=f"{name}_offset")(centre)
        outputs.append(layers.Add(name=f"{name}_normed")([scaled, offset]))
    return outputs


def _statistics(inputs, norm, epsilon):
    mean = ItemMean(name=f"{norm}_mean")(inputs)
    variance = ItemVariance(epsilon, name=f"{norm}_variance")([inputs, mean])
    return mean, variance, ReciprocalRoot(name=f"{norm}_reciprocal_deviation")(variance)
