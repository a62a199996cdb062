"""The spectrogram that demucs hears, and what becomes of the network's two answers."""

import numpy as np
import pytest

from fqss_tf.audio.hybrid import inverse, normalized, separate, spectrogram

KERNEL, HOP = 64, 16


def music(samples):
    return np.random.default_rng(0).uniform(-1, 1, (samples, 2))


def test_a_frame_is_the_windowed_transform_of_the_mirrored_samples():
    samples = music(100)
    found = spectrogram(samples, KERNEL)
    assert found.shape == (32, 7, 4)  # frames of the hops that 100 samples begin
    padded = np.pad(samples, ((24, 24 + 12), (0, 0)), mode="reflect")
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(KERNEL) / KERNEL)
    for frame in range(7):
        for channel in range(2):
            piece = padded[frame * HOP : frame * HOP + KERNEL, channel] * window
            expected = np.fft.rfft(piece)[:-1] / 8
            given = found[:, frame, 2 * channel] + 1j * found[:, frame, 2 * channel + 1]
            np.testing.assert_allclose(given, expected, atol=1e-6)


@pytest.mark.parametrize("samples", [64, 100, 256])
def test_the_inverse_gives_the_samples_back_but_at_the_ends(samples):
    sound = music(samples)
    # Without the highest frequency, which is left out.
    smooth = sound + np.roll(sound, 1, axis=0)
    found = inverse(spectrogram(smooth, KERNEL), KERNEL, samples)
    assert found.shape == (samples, 2)
    inside = slice(KERNEL, samples - KERNEL)
    # The window smears the highest frequency over three bins.
    assert np.abs(found - smooth)[inside].max(initial=0) <= 0.2


def test_a_low_tone_comes_back_exactly_inside():
    tone = np.sin(2 * np.pi * 4 / KERNEL * np.arange(400))
    sound = np.stack([tone, -0.5 * tone], axis=1)
    found = inverse(spectrogram(sound, KERNEL), KERNEL, 400)
    np.testing.assert_allclose(found[KERNEL:-KERNEL], sound[KERNEL:-KERNEL], atol=1e-5)


def test_values_are_normalized_as_demucs_has_it():
    values = music(50) + 3
    found, mean, deviation = normalized(values)
    assert mean == pytest.approx(values.mean())
    assert deviation == pytest.approx(np.sqrt(((values - mean) ** 2).sum() / (values.size - 1)))
    np.testing.assert_allclose(found * (deviation + 1e-5) + mean, values)


def test_a_source_is_the_sum_of_both_answers():
    sound = music(256)

    def network(waveform, heard):
        assert waveform.shape == (256, 2) and heard.shape == (32, 16, 4)
        assert waveform.std() == pytest.approx(1, rel=0.01)
        zeros = np.zeros_like
        # The first source is the waveform, the second the spectrogram.
        return (
            np.concatenate([waveform, zeros(waveform)], axis=1),
            np.concatenate([zeros(heard), heard], axis=2),
        )

    first, second = separate(sound, network, KERNEL)
    _, mean, deviation = normalized(spectrogram(sound, KERNEL))
    offset = inverse(np.full((32, 16, 4), mean), KERNEL, 256)
    np.testing.assert_allclose(first, sound + offset, atol=1e-4)
    expected = inverse(spectrogram(sound, KERNEL), KERNEL, 256) + sound.mean()
    np.testing.assert_allclose(second, expected, atol=1e-4)
    assert deviation > 0


def test_silence_has_no_numbers_that_are_none():
    def network(waveform, heard):
        return waveform, heard

    assert not separate(np.zeros((100, 2)), network, KERNEL).any()
