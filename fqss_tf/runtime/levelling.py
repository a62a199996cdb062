"""The level at which a network sees a segment: peak 1, whatever the level of the recording."""

import numpy as np

from fqss_tf.audio.levels import peak_gain
from fqss_tf.errors import FqssError

FULL_SCALE = 2**15  # of 16-bit samples


def peak(samples):
    """The largest magnitude as a Python number: int of int16 samples (-32768 has one), or float.

    Raises:
        FqssError: a magnitude that float32 cannot hold.
    """
    largest = max(samples.max(initial=0).item(), -samples.min(initial=0).item())
    if not np.isfinite(largest):
        raise FqssError("the samples are too large for float32: write the recording at peak 1")
    return largest


def levelled(engine, peak_of_all=None):
    """A function that separates one segment of float32 samples of any level.

    Args:
        engine: a ``fqss_tf.runtime.engine.Engine``.
        peak_of_all: largest magnitude of the recording; None: each segment is brought to peak 1 by
            its own, so that nothing need be known of what follows.
    Returns:
        float32 [segment] -> float32 [sources, segment]; silence in, silence out.
    """

    def forward(segment):
        if not segment.any():
            return np.zeros((len(engine.metadata.sources), len(segment)), np.float32)
        gain = peak_gain(np.float32(peak(segment) if peak_of_all is None else peak_of_all))
        return (engine.forward((segment * gain).astype(np.float32)) / gain).astype(np.float32)

    return forward


def levelled_int16(engine, peak_of_all=None):
    """The same in integers throughout, for 16-bit samples and a model of two planes each way.

    The quotient by the peak is floored to 16 bits, as ``planes.split`` floors floats.

    Returns:
        int16 [segment] -> int16 [sources, segment].
    """

    def forward(segment):
        if not segment.any():
            return np.zeros((len(engine.metadata.sources), len(segment)), np.int16)
        loudest = peak(segment) if peak_of_all is None else peak_of_all
        scaled = segment.astype(np.int32) * FULL_SCALE // loudest
        at_full_scale = np.clip(scaled, -FULL_SCALE, FULL_SCALE - 1).astype(np.int16)
        estimates = engine.forward_int16(at_full_scale)
        rescaled = (estimates.astype(np.int32) * loudest + FULL_SCALE // 2) // FULL_SCALE
        return rescaled.astype(np.int16)

    return forward
