import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fqss_tf.audio.resampling import resample, resample_blocks
from fqss_tf.errors import FqssError


def noise(samples, channels=None):
    shape = samples if channels is None else (samples, channels)
    return np.random.default_rng(0).uniform(-1, 1, shape).astype(np.float32)


def in_blocks(waveform, size):
    return [waveform[start : start + size] for start in range(0, len(waveform), size)]


@settings(max_examples=60)
@given(
    st.integers(1, 5000),
    st.integers(1, 3000),
    st.sampled_from([8000, 11025, 16000, 44100, 96000]),
    st.sampled_from([8000, 44100]),
)
def test_blocks_give_what_the_whole_gives(samples, size, rate_in, rate_out):
    waveform = noise(samples)
    joined = np.concatenate(list(resample_blocks(in_blocks(waveform, size), rate_in, rate_out)))
    assert np.array_equal(joined, resample(waveform, rate_in, rate_out))


def test_channels_are_resampled_alike():
    waveform = noise(4000, 3)
    joined = np.concatenate(list(resample_blocks(in_blocks(waveform, 700), 44100, 8000)))
    for channel, alone in zip(joined.T, waveform.T, strict=True):
        np.testing.assert_allclose(channel, resample(alone, 44100, 8000), atol=1e-6)


def test_no_blocks_give_no_blocks():
    assert list(resample_blocks([], 44100, 8000)) == []


@pytest.mark.parametrize("rate", [0, -8000, 1, 99, 2**32, float("nan"), float("inf")])
def test_rates_that_no_audio_has_are_refused(rate):
    with pytest.raises(FqssError, match="sample rate"):
        resample(noise(10), rate, 8000)
    with pytest.raises(FqssError, match="sample rate"):
        list(resample_blocks([noise(10)], rate, 8000))


@pytest.mark.parametrize("rate", [0, -1, 10**9])
def test_rates_that_no_audio_has_are_refused_of_the_result_too(rate):
    with pytest.raises(FqssError, match="is not between"):
        resample(np.zeros(10, np.float32), 8000, rate)
