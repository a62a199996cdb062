import numpy as np
import pytest

from fqss_tf.audio import peak_gain
from fqss_tf.audio.levels import at_peak_1


@pytest.mark.parametrize(
    "waveform, gain", [([0.5, -0.25], 2), ([0.1, -4], 0.25), ([[1], [-0.5]], 1)]
)
def test_gain_brings_the_peak_to_one(waveform, gain):
    assert peak_gain(np.array(waveform, np.float32)) == pytest.approx(gain)


@pytest.mark.parametrize("waveform", [np.zeros(5, np.float32), np.zeros(0, np.float32)])
def test_silence_keeps_its_level(waveform):
    assert peak_gain(waveform) == 1.0


def test_the_most_negative_integer_has_a_peak_too():
    assert peak_gain(np.array([-32768], np.int32)) == pytest.approx(1 / 32768)


def test_gain_of_the_quietest_floats_stays_finite_in_float32():
    for exponent in range(-149, -100):
        waveform = np.array([2.0**exponent], np.float32)
        assert np.isfinite(waveform * np.float32(peak_gain(waveform))).all()


def test_an_utterance_is_brought_to_peak_1_in_float32():
    levelled = at_peak_1(np.array([0.1, -0.4]))
    assert levelled.dtype == np.float32
    np.testing.assert_allclose(levelled, [0.25, -1.0])
    assert not at_peak_1(np.zeros(3)).any()
