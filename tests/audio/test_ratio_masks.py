"""Ratio masks of a spectrogram give what Spleeter's code gives, however the recording comes."""

import numpy as np
import pytest
import tensorflow as tf

from fqss_tf.audio.ratio_masks import heard, magnitudes, masks, separate_blocks, separate_whole
from fqss_tf.audio.stft import hann, spectra
from fqss_tf.formats import MAGNITUDE_RANGE, SpectrogramForm

FORM = SpectrogramForm(kernel=64, bins=16, frames=8, masks="sigmoid")
SOURCES = 2


@pytest.fixture
def song():
    return np.random.default_rng(0).uniform(-1, 1, (16 * 8 * 3 + 37, 2)).astype(np.float32)


def logits_of(heard):
    """A network that looks at nothing but its magnitudes."""
    stems = [np.sin(300 * heard * (1 + stem)) for stem in range(SOURCES)]
    rows, columns, _ = heard.shape
    shape = rows // 2, 2, columns // 2, 2, 2
    return np.concatenate(
        [stem.reshape(shape).transpose(0, 2, 1, 3, 4).reshape(rows // 2, columns // 2, 8)
         for stem in stems], axis=2,
    ).astype(np.float32) / 4


def separated(blocks, form=FORM):
    return np.concatenate(list(separate_blocks(blocks, logits_of, form, SOURCES)), axis=1)


def as_spleeter_does(song, form=FORM):
    """spleeter/model/__init__.py, step by step: masks of ``unet``, exponent 2, zeros above."""
    def window(length, dtype):
        return tf.signal.hann_window(length, periodic=True, dtype=dtype)

    def stems(magnitude):
        found = masks(logits_of(magnitude / MAGNITUDE_RANGE), form.masks, SOURCES)
        return [mask * magnitude for mask in found]

    padded = tf.concat([tf.zeros((form.kernel, 2)), song], 0)
    spectrum = tf.transpose(tf.signal.stft(
        tf.transpose(padded), form.kernel, form.hop, window_fn=window, pad_end=True
    ), [1, 2, 0])
    count = spectrum.shape[0]
    segments = tf.reshape(
        tf.pad(spectrum, [[0, -count % form.frames], [0, 0], [0, 0]]),
        [-1, form.frames, form.kernel // 2 + 1, 2],
    )
    outputs = np.stack([stems(each) for each in tf.abs(segments)[:, :, : form.bins].numpy()], 1)
    total = np.sum(outputs**2, axis=0) + 1e-10
    found = []
    for output in outputs:
        mask = (output**2 + 1e-10 / SOURCES) / total
        mask = np.pad(mask, ((0, 0), (0, 0), (0, form.kernel // 2 + 1 - form.bins), (0, 0)))
        mask = mask.reshape(-1, *mask.shape[2:])[:count]
        samples = tf.signal.inverse_stft(
            tf.transpose(tf.cast(mask, tf.complex64) * spectrum, [2, 0, 1]),
            form.kernel, form.hop, window_fn=window,
        ) * (2 / 3)
        found.append(tf.transpose(samples)[form.kernel : form.kernel + len(song)].numpy())
    return np.stack(found)


@pytest.mark.parametrize("kind", ["sigmoid", "softmax"])
def test_it_gives_what_spleeter_gives(song, kind):
    form = SpectrogramForm(FORM.kernel, FORM.bins, FORM.frames, kind)
    given, expected = separated([song], form), as_spleeter_does(song, form)
    assert np.abs(expected[0] - expected[1]).max() > 0.1
    np.testing.assert_allclose(given, expected, atol=2e-6)


@pytest.mark.parametrize("samples", [1, 15, 16, 64, 65, 128, 129, 400])
def test_every_length_comes_back(song, samples):
    given = separated([song[:samples]])
    assert given.shape == (SOURCES, samples, 2) and given.dtype == np.float32
    np.testing.assert_allclose(given, as_spleeter_does(song[:samples]), atol=2e-6)


def test_no_samples_give_none():
    assert separated([]).shape == (SOURCES, 0, 2)


@pytest.mark.parametrize("cuts", [[1], [100, 101, 102], [63, 64, 300], list(range(10, 400, 10))])
def test_blocks_of_any_length_give_the_same(song, cuts):
    np.testing.assert_array_equal(separated(np.split(song, cuts)), separated([song]))


def test_parts_come_as_soon_as_a_segment_is_full(song):
    given = 0

    def blocks():
        nonlocal given
        for block in np.split(song, range(10, len(song), 10)):
            given += len(block)
            yield block

    ahead = []
    done = 0
    for part in separate_blocks(blocks(), logits_of, FORM, SOURCES):
        done += part.shape[1]
        ahead.append(given - done)
    # A window of silence comes first, and three hops wait for the frames to come.
    assert max(ahead) <= FORM.frames * FORM.hop + FORM.kernel + 10


def test_sources_add_up_to_what_the_network_hears():
    """Below its highest frequency; above it, no source has anything."""
    time = np.arange(16 * 8 * 4)
    low, high = (np.sin(2 * np.pi * bin_ / 64 * time) for bin_ in (6, 24))
    song = np.stack([low + high] * 2, axis=1).astype(np.float32)
    total = separated([song]).sum(axis=0)
    # The tones begin and end suddenly, which is heard at all frequencies.
    np.testing.assert_allclose(total[64:-64, 0], low[64:-64], atol=0.01)


def test_silence_stays_silent():
    assert not separated([np.zeros((500, 2), np.float32)]).any()


def test_a_silent_channel_stays_silent(song):
    song[:, 1] = 0
    given = separated([song])
    assert not given[..., 1].any() and np.abs(given[..., 0]).max() > 0.1


def test_one_channel_is_heard_in_both_ears(song):
    given = separate_whole(song[:, 0], logits_of, FORM, SOURCES)
    np.testing.assert_allclose(given, separated([song[:, [0, 0]]])[..., 0], atol=1e-7)


def test_a_segment_is_what_its_frames_hear(song):
    frames = spectra(song[: 16 * 7 + 64], hann(64))
    np.testing.assert_array_equal(heard(song[: 16 * 8], FORM)[:4], magnitudes(frames, 16)[:4])
    assert heard(song[:3], FORM).shape == (8, 16, 2)


def test_masks_of_large_logits_are_finite():
    logits = np.array([[[-1e4] * 8 + [1e4] * 8]], np.float32)
    for kind in ("sigmoid", "softmax"):
        found = masks(logits, kind, 2)
        np.testing.assert_array_equal(found[:, 0, 0, 0], [0, 1])
