"""The level follows the sound: what is quiet is heard as well as what is loud."""

import numpy as np
import pytest

from fqss_tf.runtime.level_envelope import LevelEnvelope, StreamLevel

RATE = 8000
STEP = 128
SECOND = RATE // STEP * STEP  # whole steps


def noise(seconds, peak, seed=0):
    """Whole 16-bit steps of an even loudness."""
    samples = np.random.default_rng(seed).uniform(-peak, peak, round(seconds * SECOND))
    return np.round(samples)


def of_segment(samples):
    return LevelEnvelope(RATE)(samples)


def of_stream(samples):
    level = StreamLevel(RATE / STEP)
    steps = [level(step) for step in np.split(samples, range(STEP, len(samples), STEP))]
    return tuple(np.concatenate(parts) for parts in zip(*steps, strict=True))


both = pytest.mark.parametrize("levels_of", [of_segment, of_stream])


@both
def test_nothing_exceeds_its_level_and_all_are_whole_numbers(levels_of):
    samples = np.concatenate([noise(0.3, peak, peak) for peak in (90, 30000, 7, 4000)])[:-5]
    centered, levels = levels_of(samples)
    assert centered.shape == levels.shape == samples.shape
    assert (np.abs(centered) <= levels).all()
    assert np.array_equal(np.round(levels), levels)
    assert np.array_equal(np.round(centered), centered)


@both
def test_loud_and_quiet_passages_have_their_own_level(levels_of):
    _, levels = levels_of(np.concatenate([noise(3, 20000), noise(4, 100), noise(3, 20000)]))
    for first, last, peak in ((0.1, 3, 20000), (4.1, 5.9, 100), (7.1, 10, 20000)):
        found = levels[round(first * SECOND) : round(last * SECOND)]
        assert 0.8 * peak < found.min() <= found.max() <= peak * 1.1


@both
def test_a_click_has_a_level_of_its_own(levels_of):
    quiet = noise(4, 300)
    click = quiet.copy()
    click[2 * SECOND + 3 : 2 * SECOND + 5] = 32767
    (centered, levels), (as_before, before) = levels_of(click), levels_of(quiet)
    louder = np.flatnonzero(levels > before * 1.1)
    assert len(louder) <= 3 * STEP and 2 * SECOND in louder
    assert np.abs(centered - as_before)[3 * SECOND :].max() <= 9


@both
def test_an_offset_is_taken_away(levels_of):
    centered, levels = levels_of(noise(4, 1000) + 655)
    assert abs(centered[2 * SECOND :].mean()) < 25
    assert np.median(levels) < 1100


def test_an_offset_alone_is_silence():
    assert not of_segment(np.full(1000, 655.0))[0].any()
    assert not of_stream(np.full(1000, 655.0))[0].any()


def test_a_stream_can_begin_anew():
    level = StreamLevel(RATE / STEP)
    first = [level(noise(0.016, peak)) for peak in (3000, 20000, 50)]
    level.reset()
    again = [level(noise(0.016, peak)) for peak in (3000, 20000, 50)]
    for before, after in zip(first, again, strict=True):
        np.testing.assert_array_equal(before, after)
    assert [len(part) for part in level(np.zeros(0))] == [0, 0]
