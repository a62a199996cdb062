"""TensorFlow's FakeQuant, which the converter understands, with the gradient of a learned step."""

import tensorflow as tf


def fake_quantise(x, minimum, maximum, bits=8, narrow=False):
    """Rounds ``x`` to the integers of [minimum, maximum]; the range is nudged to contain 0 exactly.

    Gradient: straight through inside the range. The range gets what is clipped, and from what is
    inside the rounding error, because a change of the range moves every rounded value (LSQ, Esser
    et al. 2020; it is what the authors' code differentiates).

    Args:
        x: any shape.
        minimum, maximum: scalars, minimum <= 0 <= maximum.
        bits: 2 to 16.
        narrow: use [-127, 127] instead of [-128, 127].
    """
    return _fake_quantise(x, minimum, maximum, bits, narrow, per_channel=False)


def fake_quantise_per_channel(x, maximum, bits=8):
    """Symmetric narrow fake quantisation with one ``maximum`` per last-axis channel."""
    return _fake_quantise(x, -maximum, maximum, bits, True, per_channel=True)


def _fake_quantise(x, minimum, maximum, bits, narrow, per_channel):
    kernel = (
        tf.quantization.fake_quant_with_min_max_vars_per_channel
        if per_channel
        else tf.quantization.fake_quant_with_min_max_vars
    )

    @tf.custom_gradient
    def rounded(x, minimum, maximum):
        y = kernel(x, minimum, maximum, num_bits=bits, narrow_range=narrow)

        def gradient(upstream):
            below, above = x < minimum, x > maximum
            inside = tf.logical_not(tf.logical_or(below, above))
            relative_error = tf.where(inside, (y - x) / (maximum - minimum), 0.0)
            axes = list(range(x.shape.rank - 1)) if per_channel else None
            to_minimum = tf.where(below, 1.0, -relative_error)
            to_maximum = tf.where(above, 1.0, relative_error)
            return (
                tf.where(inside, upstream, 0.0),
                tf.reduce_sum(upstream * to_minimum, axis=axes),
                tf.reduce_sum(upstream * to_maximum, axis=axes),
            )

        return y, gradient

    return rounded(x, minimum, maximum)
