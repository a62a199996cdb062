import numpy as np
import pytest
from data_trees import write_audio

from fqss_tf.audio.files import resample
from fqss_tf.config import DataRecipe
from fqss_tf.data.stand_in import pink_noise
from fqss_tf.data.training_sources import scored_mixtures
from fqss_tf.errors import FqssError


def snr(mixture, source):
    return 10 * np.log10(np.mean(source**2) / np.mean((mixture - source) ** 2))


@pytest.mark.parametrize("rate", [8000, 16000])
def test_one_bundled_voice_stands_in_noise(rate, logged):
    data = DataRecipe(sample_rate=rate, min_noise_snr_db=-5.0, max_noise_snr_db=15.0)
    entries = scored_mixtures(data, "dev", 1)
    assert "\n".join(logged()) == (
        "no dev mixtures in data.datasets: the bundled audio is taken in pink noise at "
        f"{rate} Hz"
    )
    found = []
    for entry in entries:
        mixture, sources = entry.load()
        assert sources.shape == (1, 4 * rate) and mixture.shape == (4 * rate,)
        assert mixture.dtype == sources.dtype == np.float32
        assert np.abs(mixture).max() == pytest.approx(0.9, abs=1e-5)
        found.append(snr(mixture, sources[0]))
    np.testing.assert_allclose(found, np.linspace(-5, 15, len(entries)), atol=0.01)
    again = scored_mixtures(data, "dev", 1)[3].load()[0]
    np.testing.assert_array_equal(entries[3].load()[0], again)


def test_two_voices_are_resampled():
    (narrow, *_), (wide, *_) = (
        scored_mixtures(DataRecipe(sample_rate=rate), "test", 2) for rate in (8000, 16000)
    )
    mixture, sources = narrow.load()
    assert sources.shape == (2, 32000)
    np.testing.assert_array_equal(mixture, sources.sum(axis=0))
    np.testing.assert_allclose(sources[1], resample(wide.load()[1][1], 16000, 8000), atol=1e-6)


def test_a_voice_and_its_background_are_resampled(logged):
    (narrow, *_), (wide, *_) = (
        scored_mixtures(DataRecipe(sample_rate=rate, sources=("voice", "background")), "test", 2)
        for rate in (8000, 16000)
    )
    assert logged() == [] and wide.mixture_id == narrow.mixture_id == "pair_00_-05dB"
    for source, expected in zip(narrow.load()[1], wide.load()[1], strict=True):
        np.testing.assert_allclose(source, resample(expected, 16000, 8000), atol=1e-6)


def test_the_noise_is_that_of_the_recipe(tmp_path, logged):
    write_audio(tmp_path / "hum.wav", np.sin(np.arange(3000) / 5), 8000)
    data = DataRecipe(noise_datasets=(str(tmp_path),))
    mixture, sources = scored_mixtures(data, "dev", 1)[0].load()
    assert "in noise of data.noise_datasets" in logged()[0]
    noise = mixture - sources[0]
    hum = np.resize(np.sin(np.arange(3000) / 5), len(noise))
    assert np.corrcoef(noise, hum)[0, 1] > 0.999


def test_three_sources_have_no_stand_in():
    with pytest.raises(FqssError, match="it has 2 sources, but model.sources is 3; name a data"):
        scored_mixtures(DataRecipe(), "dev", 3)


def test_pink_noise_falls_by_three_decibels_an_octave():
    power = np.abs(np.fft.rfft(pink_noise(2**16, 0))) ** 2
    low, high = power[1024:2048].mean(), power[8192:16384].mean()
    assert 10 * np.log10(low / high) == pytest.approx(9.0, abs=0.5)
    assert not np.array_equal(pink_noise(100, 0), pink_noise(100, 1))


def test_a_package_without_the_audio_says_so(tmp_path, monkeypatch):
    monkeypatch.setattr("fqss_tf.data.stand_in.BundledVoices.mixtures", lambda *_: [])
    with pytest.raises(FqssError, match="fqss-tf-runtime has not"):
        scored_mixtures(DataRecipe(), "dev", 2)
