"""Estimates through which a gradient passes are those of the runtime."""

import numpy as np
import pytest
import tensorflow as tf

from fqss_tf.audio.ratio_masks import separate_whole
from fqss_tf.formats import SpectrogramForm
from fqss_tf.models.ratio_masks import looped_estimates

FRAMES, SOURCES = 8, 2


def form(masks="sigmoid"):
    return SpectrogramForm(kernel=64, bins=16, frames=FRAMES, masks=masks)


def logits_of(heard, slope=1.0):
    """A network that looks at nothing but its magnitudes, [B, T, F, 2]."""
    stems = [
        tf.nn.space_to_depth(slope * tf.sin(300 * heard * (1 + stem)) / 4, 2)
        for stem in range(SOURCES)
    ]
    return tf.concat(stems, axis=-1)


@pytest.fixture
def mixtures():
    return np.random.default_rng(0).uniform(-1, 1, (3, FRAMES * 16)).astype(np.float32)


@pytest.mark.parametrize("masks", ["sigmoid", "softmax"])
def test_estimates_are_those_of_the_runtime_where_the_segment_is_repeated(mixtures, masks):
    found = looped_estimates(mixtures, logits_of, form(masks)).numpy()
    for mixture, estimates in zip(mixtures, found, strict=True):
        whole = separate_whole(
            np.tile(mixture, 3), lambda heard: logits_of(heard[None])[0].numpy(), form(masks),
            SOURCES,
        )
        middle = whole[:, len(mixture) : 2 * len(mixture)]
        np.testing.assert_allclose(estimates, middle, atol=2e-5)


def test_the_gradient_is_that_of_the_estimates(mixtures):
    def loss(slope):
        estimates = looped_estimates(mixtures, lambda heard: logits_of(heard, slope), form())
        return tf.reduce_mean(tf.square(estimates[:, 0]))

    slope = tf.constant(1.0)
    with tf.GradientTape() as tape:
        tape.watch(slope)
        value = loss(slope)
    step = 0.01
    expected = (loss(slope + step) - loss(slope - step)) / (2 * step)
    assert abs(float(expected)) > 1e-4
    assert float(tape.gradient(value, slope)) == pytest.approx(float(expected), rel=0.02)


def test_silence_has_a_gradient_that_is_finite():
    slope = tf.constant(1.0)
    with tf.GradientTape() as tape:
        tape.watch(slope)
        value = tf.reduce_sum(looped_estimates(
            tf.zeros((1, FRAMES * 16)), lambda heard: logits_of(heard, slope), form()
        ))
    assert np.isfinite(float(tape.gradient(value, slope)))
