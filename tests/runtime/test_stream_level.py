import numpy as np
import pytest

from fqss_tf.runtime import stream_level
from fqss_tf.runtime.levelling import FULL_SCALE

STEPS = 62.5  # a second


def test_a_running_peak_falls_by_half_in_11_seconds():
    peak_of = stream_level.peak_of("running", STEPS)
    assert peak_of(np.array([3, -20000], np.int16)) == 20000
    silence = np.zeros(128, np.int16)
    peaks = [peak_of(silence) for _ in range(round(60 * STEPS))]
    assert peaks[round(11 * STEPS)] == pytest.approx(10000, rel=0.03)
    assert peaks == sorted(peaks, reverse=True) and peaks[-1] < 1000
    assert peak_of(np.array([-(2**15)], np.int16)) == FULL_SCALE
    peak_of.reset()
    assert peak_of(silence) == FULL_SCALE // 100


def test_floats_have_the_peaks_of_their_16_bits():
    integers, floats = (stream_level.peak_of("running", STEPS) for _ in range(2))
    rng = np.random.default_rng(0)
    for scale in (9000, 300, 20, 30000):
        samples = rng.integers(-scale, scale, 128).astype(np.int16)
        assert floats(samples / np.float32(FULL_SCALE)) == integers(samples)
    assert floats(np.array([3e38], np.float32)) == pytest.approx(3e38 * FULL_SCALE)
