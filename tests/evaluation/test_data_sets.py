"""Data sets without a manifest are scored as training reads them."""

import numpy as np
import pytest
import soundfile

from fqss_tf.config import load_recipe
from fqss_tf.errors import FqssError
from fqss_tf.evaluation import load_mixtures, mixture_kinds
from fqss_tf.runs.folder import RunFolder

STEMS = ("vocals", "drums")


@pytest.fixture
def stems(tmp_path):
    random = np.random.default_rng(0)
    for place in ("train/song", "test/song 1", "test/song 2"):
        (tmp_path / "stems" / place).mkdir(parents=True)
        for stem in STEMS:
            path = tmp_path / "stems" / place / f"{stem}.wav"
            soundfile.write(path, random.uniform(-0.5, 0.5, 4000), 8000)
    return tmp_path / "stems"


@pytest.fixture
def run(tmp_path):
    """Function (settings) -> folder of a run that has them; nothing is trained in it."""

    def make(*settings):
        recipe = load_recipe("two-voices", settings)
        return RunFolder.create(tmp_path / "run", recipe, "fqss").path

    return make


@pytest.mark.parametrize("order", [STEMS, STEMS[::-1]])
def test_stems_are_scored_in_the_order_of_the_network(stems, run, order):
    mixtures, rate = load_mixtures(
        stems, models=[run(f"data.sources=[{','.join(order)}]", f"data.datasets=[{stems}]")]
    )
    assert rate == 8000 and [mixture[0] for mixture in mixtures] == ["song 1", "song 2"]
    _, _, mixture, sources = mixtures[0]
    expected = [soundfile.read(stems / "test" / "song 1" / f"{name}.wav")[0] for name in order]
    np.testing.assert_allclose(sources, expected, atol=1e-4)
    np.testing.assert_allclose(mixture, np.sum(expected, axis=0), atol=1e-4)
    assert mixture_kinds(stems) == {}


def test_whole_songs_are_scored_however_long(stems, run):
    for stem in STEMS:
        soundfile.write(stems / "test" / "song 1" / f"{stem}.wav", np.full(33 * 8000, 0.1), 8000)
    asked = run(f"data.sources=[{','.join(STEMS)}]", f"data.datasets=[{stems}]")
    mixtures, rate = load_mixtures(stems, models=[asked])
    assert len(mixtures[0][2]) == 33 * rate


def test_speech_gets_noise_for_a_network_of_one_source(run):
    mixtures, rate = load_mixtures("bundled", models=[run("model.sources=1")])
    _, level_difference, mixture, sources = mixtures[0]
    assert (rate, level_difference, sources.shape) == (8000, 0.0, (1, len(mixture)))
    assert np.std(mixture - sources[0]) > 0


def test_a_manifest_comes_first(run):
    named = ("data.sources=[voice,background]", "data.sample_rate=16000")
    mixtures, rate = load_mixtures("bundled", models=[run(*named)])
    plain, plain_rate = load_mixtures("bundled")
    assert rate == plain_rate == 16000
    assert len(mixtures) == len(plain) and mixtures[0][0] == plain[0][0]


def test_a_network_of_two_voices_gets_two_bundled_voices(run):
    mixtures, rate = load_mixtures("bundled", models=[run()])
    mixture_id, level_difference, mixture, sources = mixtures[0]
    assert (mixture_id, rate, sources.shape) == ("main_00", 8000, (2, 32000))
    assert abs(level_difference) <= 10
    np.testing.assert_allclose(sources.sum(axis=0), mixture, atol=1e-6)


@pytest.mark.parametrize("rate", [8000, 11025])
def test_a_voice_network_of_another_rate_gets_bundled_mixtures_of_it(run, rate):
    asked = run("data.sources=[voice,background]", f"data.sample_rate={rate}")
    mixtures, found = load_mixtures("bundled", models=[asked])
    assert found == rate and mixtures[0][3].shape[0] == 2


def test_a_data_set_without_test_mixtures_is_not_replaced(run, tmp_path):
    for place in ("train/a", "train/b", "test/a", "test/b"):
        (tmp_path / "set" / place).mkdir(parents=True)
        noise = np.random.default_rng(0).uniform(-0.5, 0.5, 8000)
        soundfile.write(tmp_path / "set" / place / "1.wav", noise, 8000)
    with pytest.raises(FqssError, match="set has no test mixtures: fqss-tf data mix"):
        load_mixtures(tmp_path / "set", models=[run()])


def test_what_is_no_data_set_is_one_line(run, tmp_path):
    (tmp_path / "empty").mkdir()
    with pytest.raises(FqssError, match="is no data set"):
        load_mixtures(tmp_path / "empty", models=[run()])
