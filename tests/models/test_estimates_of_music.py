"""Estimates that training makes in TensorFlow are those of a whole recording."""

import numpy as np
import pytest
import tensorflow as tf

from fqss_tf.models.htdemucs.sizes import HTDemucsConfig
from fqss_tf.models.music_convtasnet.sizes import MusicConvTasNetConfig
from fqss_tf.models.registry import build, network_of

CONFIGS = {
    "htdemucs": HTDemucsConfig(
        sources=2, filters=4, kernel=256, hop=64, depth=2, branches=1, compression=2, width=8,
        layers=2, heads=2, feed_forward=8,
    ),
    "music-convtasnet": MusicConvTasNetConfig(
        sources=3, filters=8, kernel=8, hop=4, bottleneck=4, hidden=8, blocks=2, repeats=1,
    ),
}


@pytest.mark.parametrize(("name", "samples"), [
    ("htdemucs", 2048), ("htdemucs", 2101), ("music-convtasnet", 2100),
])
def test_each_of_a_batch_is_separated_as_a_recording_is(name, samples):
    config = CONFIGS[name]
    network, model = network_of(config), build(config)
    mixtures = np.random.default_rng(0).normal(0.1, [[0.3], [0.05]], (2, samples)).astype("f4")
    variables = model.trainable_variables
    with tf.GradientTape() as tape:
        estimates = network.estimates(model, tf.constant(mixtures), config, training=True)
        total = tf.reduce_sum(tf.abs(estimates))
    assert all(each is not None for each in tape.gradient(total, variables))
    # A plain function, as training on several devices gives.
    separate = network.separation(
        lambda heard, training: model(heard, training=training), config, samples
    )
    for given, mixture in zip(estimates.numpy(), mixtures, strict=True):
        expected = separate(mixture)
        assert given.shape == (config.sources, samples)
        assert np.abs(given - expected).max() <= 2e-5 * np.abs(expected).max()
