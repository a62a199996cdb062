import numpy as np
import pytest

from fqss_tf.metrics import si_sdr
from fqss_tf.runtime.spatial import in_each_channel

RATE, SAMPLES = 8000, 16000
BOTH = np.ones(2, np.int8)


@pytest.fixture(scope="module")
def voices():
    """Two noises that come and go, [2, samples]: alone at times, together at others."""
    noise = np.random.default_rng(0).normal(0, 0.1, (2, SAMPLES))
    place = np.arange(SAMPLES) / RATE
    return (noise * (np.sin(2 * np.pi * np.stack([3 * place, 5 * place])) > -0.3)).astype("f4")


def leaky(voices, downmix_gains):
    """What a network of 6 dB would find in the downmix."""
    heard = voices * np.float32(downmix_gains)[:, None]
    return lambda _: np.stack([heard[0] + heard[1] / 2, heard[1] + heard[0] / 2]) * np.float32(0.67)


def delayed(voice, samples):
    return np.pad(voice, (samples, 0))[: len(voice)]


PLACES = {
    "louder on one side": lambda a, b: ((a, a / 2), (b / 2, b)),
    "earlier on one side": lambda a, b: ((a, delayed(a, 4)), (delayed(b, 3), b)),
    "one in the middle": lambda a, b: ((a, a), (b / 4, b)),
}


@pytest.mark.parametrize("places", PLACES.values(), ids=PLACES)
def test_channels_tell_the_voices_apart_better_than_their_downmix(voices, places):
    images = np.stack([np.stack(image, axis=1) for image in places(*voices)])
    in_downmix = images.mean(axis=2)
    network = leaky(in_downmix, [1, 1])
    found = in_each_channel(network, BOTH, RATE)(images.sum(axis=0))
    assert (found.shape, found.dtype) == (images.shape, np.float32)
    of_downmix = network(None)
    for k in range(2):
        better = si_sdr(images[k].ravel(), found[k].ravel())
        assert better > si_sdr(in_downmix[k], of_downmix[k]) + 2


def test_equal_channels_stay_equal_and_opposite_ones_opposite(voices):
    mixture = voices.sum(axis=0)
    for right in (1, -1):
        signs = np.array([1, right], np.int8)
        found = in_each_channel(leaky(voices, [1, 1]), signs, RATE)(
            mixture[:, None] * np.float32([1, right])
        )
        np.testing.assert_allclose(found[..., 1], right * found[..., 0], atol=1e-7)


def test_a_silent_channel_stays_silent(voices):
    mixture = voices.sum(axis=0)
    signs = np.array([1, 0], np.int8)
    found = in_each_channel(leaky(voices, [1, 1]), signs, RATE)(
        np.stack([mixture, 0 * mixture], axis=1)
    )
    assert found[..., 0].any() and not found[..., 1].any()


@pytest.mark.parametrize("level", [1e-30, 1e-6, 1, 30])
def test_all_that_one_source_is_comes_back_at_any_level(voices, level):
    mixture = np.stack([voices[0], voices[1]], axis=1)
    mixture = (mixture - mixture.mean(axis=0)) * np.float32(level)
    found = in_each_channel(lambda downmix: downmix[None], BOTH, RATE)(mixture)
    np.testing.assert_allclose(found[0], mixture, atol=1e-6 * level, rtol=1e-3)


def test_what_no_source_has_is_in_none(voices):
    mixture = np.stack([voices[0], voices[1]], axis=1)
    offset = in_each_channel(lambda downmix: (downmix - 0.02)[None], BOTH, RATE)(mixture + 0.02)
    assert abs(offset.mean()) < 1e-3
    for silent in (np.zeros((3, SAMPLES), np.float32), np.zeros((1, SAMPLES), np.float32)):
        found = in_each_channel(lambda _, silent=silent: silent, BOTH, RATE)(mixture)
        assert found.shape == (len(silent), SAMPLES, 2) and np.abs(found).max() < 1e-6


@pytest.mark.parametrize("samples", [0, 1, 2, 511, 512, 513])
def test_any_length_works(samples):
    mixture = np.random.default_rng(1).normal(size=(samples, 3)).astype(np.float32)
    if samples:
        mixture -= mixture.mean(axis=0)
    found = in_each_channel(lambda downmix: downmix[None], np.ones(3, np.int8), RATE)(mixture)
    np.testing.assert_allclose(found[0], mixture, atol=1e-2)
