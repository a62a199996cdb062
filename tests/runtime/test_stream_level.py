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


@pytest.mark.parametrize("peak", [1, 328, 9000, FULL_SCALE, 3_000_000])
def test_there_and_back_is_a_step_of_the_network_off(peak):
    samples = np.random.default_rng(0).integers(-peak, peak, 1000).clip(-(2**15), 2**15 - 1)
    levelled = stream_level.to_full_scale(samples.astype(np.int16), peak)
    returned = stream_level.from_full_scale(levelled, np.full(1000, peak))
    assert np.abs(returned - samples).max() <= np.ceil(peak / FULL_SCALE)


def test_only_what_exceeds_the_peak_is_clipped():
    loud = stream_level.to_full_scale(np.array([-200, -100, 99, 200], np.int16), 100)
    assert loud.tolist() == [-FULL_SCALE, -FULL_SCALE, 99 * FULL_SCALE // 100, FULL_SCALE - 1]
