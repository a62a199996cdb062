"""How often each value of a tensor occurs, counted while a network runs."""

import tensorflow as tf

BINS = 4096
# Of a tensor of millions of values in every batch: counting all of them takes longer than the
# network does.
MOST_VALUES = 2**15
SMALLEST_SPAN = 2.0**-20


class Histogram:
    """Counts in ``BINS`` equal bins over [-span, span], span a power of two that grows.

    When values lie outside, the span doubles as often as it must, and neighbouring bins join.
    Of large tensors every n-th value is counted, from another start in each batch; their extremes
    always are. Values of exactly 0 are not counted: no quantiser moves them.
    """

    def __init__(self):
        with tf.init_scope():
            self._counts = tf.Variable(tf.zeros(BINS, tf.int64), trainable=False)
            self._span = tf.Variable(SMALLEST_SPAN, trainable=False)
            self._batches = tf.Variable(0, trainable=False)

    def add(self, values):
        """Counts the values of a tensor of any shape; runs in a graph as well."""
        values = tf.cast(tf.reshape(values, [-1]), tf.float32)
        extremes = tf.stack([tf.reduce_min(values), tf.reduce_max(values)])
        stride = 1 + (tf.size(values) - 1) // MOST_VALUES
        taken = values[self._batches % stride :: stride]
        # Extremes in a large tensor may have been passed over.
        taken = tf.cond(stride > 1, lambda: tf.concat([taken, extremes], 0), lambda: taken)
        taken = tf.boolean_mask(taken, taken != 0)
        doublings = self._grow(tf.reduce_max(tf.abs(extremes)))
        joined = tf.math.unsorted_segment_sum(
            self._counts, BINS // 2 + tf.bitwise.right_shift(tf.range(-BINS // 2, BINS // 2),
                                                             doublings), BINS
        )
        limits = tf.stack([-self._span, self._span])
        self._counts.assign(
            joined + tf.histogram_fixed_width(taken, limits, BINS, dtype=tf.int64)
        )
        self._batches.assign_add(1)

    def _grow(self, largest):
        """Makes the span contain ``largest``; returns the number of doublings."""
        power = tf.math.ceil(tf.math.log(largest / self._span) / tf.math.log(2.0))
        doublings = tf.cast(tf.clip_by_value(power, 0.0, 60.0), tf.int32)
        self._span.assign(self._span * 2.0 ** tf.cast(doublings, tf.float32))
        return tf.minimum(doublings, 31)

    def counted(self):
        """(counts int64 [bins], edges float64 [bins + 1]) of the bins from the first to the last
        that has values; no bins if there were none but zeros."""
        import numpy as np

        # Variables of several devices are no numbers themselves.
        counts, span = (tf.identity(each).numpy() for each in (self._counts, self._span))
        edges = np.linspace(-1, 1, BINS + 1) * float(span)
        (occupied,) = np.nonzero(counts)
        if not len(occupied):
            return counts[:0], edges[:1]
        first, last = occupied[0], occupied[-1] + 1
        return counts[first:last], edges[first : last + 1]
