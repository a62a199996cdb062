"""Runs and files over spectrograms are scored by the same code as all others."""

import numpy as np
import pytest

from fqss_tf.audio.levels import peak_gain
from fqss_tf.errors import FqssError
from fqss_tf.evaluation import evaluate
from fqss_tf.evaluation.libraries import sdr_mdx
from fqss_tf.metrics import si_sdr
from fqss_tf.runtime.spectrogram_engine import SpectrogramEngine
from fqss_tf.runtime.stereo_engine import StereoEngine


@pytest.fixture
def song():
    sources = np.random.default_rng(0).uniform(-0.3, 0.3, (2, 9000)).astype(np.float32)
    return "song", 0.0, sources.sum(axis=0), sources


def test_the_score_is_that_of_the_whole_song_at_its_level(spleeter_run, spleeter_files, song):
    scores = evaluate([spleeter_run, *spleeter_files], [song], rate=44100)
    for score, file in zip(scores[1:], spleeter_files, strict=True):
        estimates = SpectrogramEngine(file).forward(song[2])
        expected = si_sdr(estimates, song[3])
        np.testing.assert_allclose(score.rows[0].source_si_sdr, expected, atol=1e-3)
        assert score.sources == ("vocals", "accompaniment")
    of_run, of_float = scores[0], scores[1]
    np.testing.assert_allclose(of_run.rows[0].si_sdr, of_float.rows[0].si_sdr, atol=0.01)


def test_another_rate_is_refused(spleeter_files, song):
    with pytest.raises(FqssError, match="works at 44100 Hz but the mixtures have 16000"):
        evaluate(spleeter_files, [song], rate=16000)


def test_a_song_in_stereo_is_scored_in_stereo(spleeter_run, spleeter_files):
    sources = np.random.default_rng(0).uniform(-0.3, 0.3, (2, 9000, 2)).astype(np.float32)
    song = "song", 0.0, sources.sum(axis=0), sources
    models = [spleeter_run, spleeter_files[0]]
    for score in evaluate(models, [song], rate=44100, others=["sdr_mdx"]):
        estimates = SpectrogramEngine(spleeter_files[0]).forward(song[2])
        assert estimates.shape == sources.shape
        expected = sdr_mdx(estimates, sources, 44100)
        np.testing.assert_allclose(score.rows[0].others["sdr_mdx"], expected, atol=0.01)
        of_one = si_sdr(estimates.mean(axis=2), sources.mean(axis=2))
        np.testing.assert_allclose(score.rows[0].source_si_sdr, of_one, atol=0.01)


def test_networks_over_samples_of_both_channels_get_both(stereo_run, stereo_files):
    engine = StereoEngine(stereo_files[0])
    samples, count = engine.metadata.segment, len(engine.metadata.sources)
    rng = np.random.default_rng(0)
    sources = rng.uniform(-0.2, 0.2, (count, samples, 2)).astype(np.float32)
    song = "song", 0.0, sources.sum(axis=0), sources
    gain = peak_gain(song[2])
    estimates = engine.forward(gain * song[2]) / gain
    assert estimates.shape == sources.shape
    expected = sdr_mdx(estimates, sources, 44100)
    rate = engine.metadata.sample_rate
    for score in evaluate([stereo_run, stereo_files[0]], [song], rate=rate, others=["sdr_mdx"]):
        np.testing.assert_allclose(score.rows[0].others["sdr_mdx"], expected, atol=0.01)


def test_a_network_of_one_channel_gets_the_average(tiny_float_tflite):
    sources = np.random.default_rng(0).uniform(-0.3, 0.3, (2, 2000, 2)).astype(np.float32)
    stereo = "mixture", 0.0, sources.sum(axis=0), sources
    mono = "mixture", 0.0, stereo[2].mean(axis=1), sources.mean(axis=2)
    (of_stereo,), (of_mono,) = (
        evaluate([tiny_float_tflite], [each], rate=8000, others=["sdr_mdx"])
        for each in (stereo, mono)
    )
    assert of_stereo.rows == of_mono.rows
