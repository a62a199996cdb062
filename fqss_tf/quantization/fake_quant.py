"""TensorFlow's FakeQuant, which the converter understands, with the gradient of a learned step."""

import tensorflow as tf


def fake_quantise(x, minimum, maximum, bits=8, narrow=False, training=True):
    """Rounds ``x`` to the integers of [minimum, maximum]; the range is nudged to contain 0 exactly.

    Gradient: straight through inside the range. The range gets what is clipped, and from what is
    inside the rounding error, because a change of the range moves every rounded value (LSQ, Esser
    et al. 2020). The authors' code does the same, but counts half a step beyond as inside.

    Args:
        x: any shape.
        minimum, maximum: scalars, minimum <= 0 <= maximum.
        bits: 2 to 16.
        narrow: use [-127, 127] instead of [-128, 127].
        training: False leaves the gradient out, which makes graphs for export much smaller.
    """
    kernel = tf.quantization.fake_quant_with_min_max_vars
    return _fake_quantise(kernel, x, minimum, maximum, bits, narrow, training)


def fake_quantise_per_channel(x, maximum, bits=8, training=True):
    """Symmetric narrow fake quantisation with one ``maximum`` per last-axis channel."""
    kernel = tf.quantization.fake_quant_with_min_max_vars_per_channel
    return _fake_quantise(kernel, x, -maximum, maximum, bits, True, training)


def _fake_quantise(kernel, x, minimum, maximum, bits, narrow, training):
    def plain(x, minimum, maximum):
        return kernel(x, minimum, maximum, num_bits=bits, narrow_range=narrow)

    @tf.custom_gradient
    def with_gradient(x, minimum, maximum):
        y = plain(x, minimum, maximum)

        def gradient(upstream):
            below, above = x < minimum, x > maximum
            inside = tf.logical_not(tf.logical_or(below, above))
            relative_error = tf.where(inside, (y - x) / (maximum - minimum), 0.0)
            per_channel = minimum.shape.rank == 1
            axes = list(range(x.shape.rank - 1)) if per_channel else None
            to_minimum = tf.where(below, 1.0, -relative_error)
            to_maximum = tf.where(above, 1.0, relative_error)
            return (
                tf.where(inside, upstream, 0.0),
                tf.reduce_sum(upstream * to_minimum, axis=axes),
                tf.reduce_sum(upstream * to_maximum, axis=axes),
            )

        return y, gradient

    return (with_gradient if training else plain)(x, minimum, maximum)
