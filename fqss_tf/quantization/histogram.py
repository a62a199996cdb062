"""How often each value of a tensor occurs, counted while a network runs."""

import math
import threading

import numpy as np
import tensorflow as tf

from fqss_tf.types import FloatArray

BINS = 4096
# Of a tensor of millions of values in every batch: counting all of them takes longer than the
# network does.
MOST_VALUES = 2**15
SMALLEST_SPAN = 2.0**-20


class Histogram:
    """Counts in ``BINS`` equal bins over [-span, span], span a power of two that grows.

    When values lie outside, the span doubles as often as it must, and neighbouring bins join.
    Of large tensors every n-th value is counted, from another start in each batch; their extremes
    always are. Values of exactly 0 are not counted: no quantizer moves them.
    """

    def __init__(self) -> None:
        self._counts, self._span, self._batches = np.zeros(BINS, np.int64), SMALLEST_SPAN, 0
        self._lock = threading.Lock()  # replicas of a network count at the same time

    def add(self, values: tf.Tensor) -> None:
        """Counts the values of a tensor of any shape; runs in a graph as well."""
        # One op of numpy instead of thirty of TensorFlow, which take longer to trace than to run.
        tf.numpy_function(self._add, [tf.cast(values, tf.float32)], [])

    def _add(self, values: FloatArray) -> None:
        values = values[np.isfinite(values)]
        if not values.size:
            return
        extremes = np.array([values.min(), values.max()])
        with self._lock:
            stride = 1 + (values.size - 1) // MOST_VALUES
            taken = values[self._batches % stride :: stride]
            if stride > 1:  # extremes may have been passed over
                taken = np.concatenate([taken, extremes])
            self._grow(float(np.abs(extremes).max()))
            limits = (-self._span, self._span)
            self._counts += np.histogram(taken[taken != 0], BINS, limits)[0]
            self._batches += 1

    def _grow(self, largest: float) -> None:
        """Makes the span contain ``largest``, a finite number."""
        doublings = max(0, math.ceil(math.log2(max(largest, SMALLEST_SPAN) / self._span)))
        if doublings:
            joined = BINS // 2 + (np.arange(-BINS // 2, BINS // 2) >> min(doublings, 31))
            self._counts = np.bincount(joined, self._counts, BINS).astype(np.int64)
            self._span *= 2.0**doublings

    def counted(self) -> tuple[np.ndarray, np.ndarray]:
        """Returns (counts, edges) of the bins that have values, and of those between them.

        Counts are int64 [bins], edges float64 [bins + 1]. There are no bins if all was zeros.
        """
        counts, edges = self._counts, np.linspace(-1, 1, BINS + 1) * self._span
        (occupied,) = np.nonzero(counts)
        if not len(occupied):
            return counts[:0], edges[:1]
        first, last = occupied[0], occupied[-1] + 1
        return counts[first:last], edges[first : last + 1]
