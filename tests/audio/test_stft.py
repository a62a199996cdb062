"""The STFT is that of scipy, and its inverse gives the samples back."""

import numpy as np
import pytest
import scipy.signal

from fqss_tf.audio.stft import hann, overlapped, spectra


@pytest.fixture
def samples():
    return np.random.default_rng(0).uniform(-1, 1, (64 * 20, 2)).astype(np.float32)


def test_the_window_is_periodic():
    np.testing.assert_allclose(hann(64), scipy.signal.get_window("hann", 64), atol=1e-15)


def test_spectra_are_those_of_scipy(samples):
    transform = scipy.signal.ShortTimeFFT(hann(64), hop=16, fs=1)
    found = spectra(samples, hann(64))
    expected = transform.stft(samples.T, p0=2, p1=2 + len(found)).transpose(2, 1, 0)
    # Its frames are centered, and their phase is that of their middle.
    np.testing.assert_allclose(np.abs(found), np.abs(expected), atol=1e-5)
    assert found.dtype == np.complex64 and found.shape[1:] == (33, 2)


def test_one_frame_is_its_fourier_transform(samples):
    found = spectra(samples[:64], hann(64))
    expected = np.fft.rfft(samples[:64] * hann(64)[:, None], axis=0)
    np.testing.assert_allclose(found[0], expected, atol=1e-5)


def test_frames_add_up_to_the_samples_but_at_the_ends(samples):
    found = overlapped(spectra(samples, hann(64)), hann(64))
    assert found.shape == samples.shape
    np.testing.assert_allclose(found[48:-48], samples[48:-48], atol=1e-6)
    assert np.abs(found[:16] - samples[:16]).max() > 0.1
