import numpy as np
import pytest

from fqss_tf.errors import FqssError
from fqss_tf.evaluation import seams
from fqss_tf.evaluation.seams import (
    Shuffled,
    bundled_backgrounds,
    bundled_voices,
    long_mixture,
    score_files,
    score_seams,
    swapped_seams,
)

SEGMENT, SAMPLES = 800, 8000


@pytest.fixture(scope="module")
def voices():
    return bundled_voices()


def halves(signal):
    """A network that sees each sample alone but for one before, so that chunks change nothing."""
    low = np.convolve(signal, [0.5, 0.5])[: len(signal)]
    return np.stack([low, signal - low]).astype(np.float32)


def test_a_package_without_speech_is_a_mistake(monkeypatch, tmp_path):
    monkeypatch.setattr(seams, "data_root", lambda name: tmp_path)
    with pytest.raises(FqssError, match="the bundled audio is missing"):
        bundled_voices()


def test_a_mixture_is_the_sum_of_its_sources_at_peak_one(voices):
    mixture, sources = long_mixture(voices, 20000, np.random.default_rng(0))
    assert mixture.dtype == sources.dtype == np.float32
    assert mixture.shape == (20000,) and sources.shape == (2, 20000)
    assert np.abs(mixture).max() == pytest.approx(1)
    np.testing.assert_allclose(sources.sum(axis=0), mixture, atol=1e-6)


def test_a_background_is_the_last_source(voices):
    backgrounds = bundled_backgrounds(8000)
    _, sources = long_mixture(voices, 20000, np.random.default_rng(0), backgrounds=backgrounds)
    assert sources.shape == (2, 20000)
    found = np.corrcoef([sources[1], *(clip[:20000] for clip in backgrounds)])[0, 1:]
    assert found.max() == pytest.approx(1, abs=1e-5)


def test_one_voice_is_in_noise(voices):
    mixture, sources = long_mixture(voices, 20000, np.random.default_rng(0), sources=1)
    assert sources.shape == (1, 20000) and np.abs(mixture).max() == pytest.approx(1)
    noise = mixture - sources[0]
    difference = 20 * np.log10(np.std(sources[0]) / np.std(noise))
    assert abs(difference) <= 5

    def quieter(signal):
        return signal[np.newaxis] / 2

    score = score_seams(quieter, SEGMENT, quieter, SAMPLES, 2, voices, sources=1)
    assert (score.seams, score.swapped, score.swapped_plainly) == (24, 0, 0)
    assert score.largest_difference < 1e-4


def test_a_plain_chunker_swaps_what_the_aligned_one_keeps(voices):
    score = score_seams(halves, SEGMENT, halves, SAMPLES, 3, voices)
    assert (score.mixtures, score.seams) == (3, 3 * 12)
    assert score.swapped == score.swapped_by_network == 0
    assert score.swapped_plainly > 5
    # The first sample of a chunk lacks the one before it.
    assert score.largest_difference < 0.05
    assert np.mean(score.joined_plainly) != pytest.approx(np.mean(score.whole), abs=0.1)


def test_a_network_that_swaps_is_counted(voices):
    calls = []

    def changes_its_mind(signal):
        calls.append(signal)
        return halves(signal)[:: 1 if len(calls) % 2 else -1]

    score = score_seams(changes_its_mind, SEGMENT, halves, SAMPLES, 1, voices)
    assert score.swapped_by_network == score.seams
    assert score.swapped == 0


def test_swaps_are_counted_where_the_order_changes():
    whole = np.random.default_rng(0).normal(size=(2, 1000))
    starts, overlap = range(0, 1000, 200), 50
    joined = whole.copy()
    assert swapped_seams(joined, whole, starts, overlap) == 0
    assert swapped_seams(joined[::-1], whole, starts, overlap) == 0
    joined[:, 425:] = joined[::-1, 425:]
    assert swapped_seams(joined, whole, starts, overlap) == 1
    joined[:, 825:] = joined[::-1, 825:]
    assert swapped_seams(joined, whole, starts, overlap) == 2


def test_shuffled_chunks_come_in_any_order():
    shuffled = Shuffled([np.array([[0], [1]])] * 50, np.random.default_rng(0))
    assert {tuple(shuffled(None)[:, 0]) for _ in range(50)} == {(0, 1), (1, 0)}


def test_a_whole_of_another_kind_is_a_mistake(tiny_tflite, causal_tflite):
    with pytest.raises(FqssError, match="is convtasnet untrained int8 at .* is toy ptq int8"):
        score_files(tiny_tflite, causal_tflite, 1)


def test_a_whole_that_is_no_longer_is_a_mistake(tiny_tflite):
    with pytest.raises(FqssError, match="takes 800 samples, no more than"):
        score_files(tiny_tflite, tiny_tflite, 1)
