from pathlib import Path

import numpy as np
import pytest
import soundfile
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

import fqss_tf
from fqss_tf.layers.energy import LEAST_THINNED, READ_FRAMES, READ_PERIOD, read_frames
from fqss_tf.layers.statistics import ItemMean, ItemVariance, ReciprocalRoot

VOICE = Path(fqss_tf.__file__).parent / "bundled/audio/test/voice/librispeech_150/0.flac"


@settings(max_examples=8)
@given(
    frames=st.integers(1, 50), centre=st.floats(-2, 2), deviation=st.floats(0.01, 100),
    seed=st.integers(0, 99),
)
def test_statistics_are_those_of_each_item(frames, centre, deviation, seed):
    noise = np.random.default_rng(seed).normal(centre * deviation, deviation, (3, 1, frames, 40))
    values = noise.astype(np.float32)
    mean = ItemMean()(values)
    variance = ItemVariance(0.0)([values, mean])
    assert mean.shape == variance.shape == (3, 1, 1, 1)
    axes = {"axis": (1, 2, 3), "keepdims": True}
    np.testing.assert_allclose(mean, noise.mean(**axes), rtol=0, atol=1e-5 * deviation)
    np.testing.assert_allclose(variance, noise.var(**axes), rtol=1e-4)
    np.testing.assert_allclose(ReciprocalRoot()(variance), 1 / noise.std(**axes), rtol=1e-4)


def test_statistics_are_of_the_channels_before_scaling():
    rng = np.random.default_rng(0)
    values = rng.normal(0.5, 1, (2, 1, 30, 8)).astype(np.float32)
    scales = rng.uniform(0.5, 2, 8).astype(np.float32)
    mean, variance = ItemMean(), ItemVariance(0.0)
    expected = mean(values), variance([values, mean(values)])
    mean.set_weights([scales])
    variance.set_weights([scales])
    scaled = values / scales
    np.testing.assert_allclose(mean(scaled), expected[0], rtol=1e-4)
    np.testing.assert_allclose(variance([scaled, mean(scaled)]), expected[1], rtol=1e-4)


@pytest.mark.parametrize("level", [0.0, 1e-30, 0.1, 1e4])
def test_variance_of_a_constant_is_positive(level):
    values = np.full((1, 1, 1000, 40), level, np.float32)
    assert ItemVariance(1e-16)([values, ItemMean()(values)]).numpy() > 0


def test_gradient_of_the_reciprocal_root_is_finite_at_0():
    variance = tf.zeros((1, 1, 1, 1))
    with tf.GradientTape() as tape:
        tape.watch(variance)
        reciprocal = ReciprocalRoot()(variance, training=True)
    assert tape.gradient(reciprocal, variance).numpy() == 0


def quantized_statistics(values, known):
    """(mean, variance) of [B, 1, T, C], whose T may not be known while the graph is made."""
    mean, variance = ItemMean(), ItemVariance(0.0)
    mean.quantized = variance.quantized = True
    batch, rows, frames, channels = values.shape
    shape = tf.TensorSpec([batch, rows, frames if known else None, channels])
    return tf.function(
        lambda values: (mean(values), variance([values, mean(values)])), input_signature=[shape]
    )(values)


@pytest.mark.parametrize("frames", [1, LEAST_THINNED - 1, LEAST_THINNED, LEAST_THINNED + 9])
@pytest.mark.parametrize("known", [True, False])
def test_quantized_statistics_are_those_of_some_frames_of_each_period(frames, known):
    values = np.random.default_rng(0).normal(1, 2, (2, 1, frames, 40)).astype(np.float32)
    found = quantized_statistics(values, known)
    read = values
    if frames >= LEAST_THINNED:
        heard = np.arange(frames // READ_PERIOD * READ_PERIOD)
        read = values[:, :, heard[heard % READ_PERIOD < READ_FRAMES]]
    axes = {"axis": (1, 2, 3), "keepdims": True}
    np.testing.assert_allclose(found[0], read.mean(**axes), rtol=1e-5)
    np.testing.assert_allclose(found[1], read.var(**axes), rtol=1e-4)


@pytest.mark.parametrize("frames", [LEAST_THINNED - 1, LEAST_THINNED, LEAST_THINNED + 9])
def test_the_integer_graph_reads_the_frames_that_training_reads(frames):
    values = tf.random.normal((2, 1, frames, 4))
    trained = read_frames(values, "quantize")
    np.testing.assert_array_equal(read_frames(values, "deploy"), trained)
    assert trained.shape[2] == (frames if frames < LEAST_THINNED else LEAST_THINNED // 4)


@pytest.mark.parametrize("tone", [0, 250, 281.25, 500])
def test_some_frames_tell_nearly_what_all_do_of_speech_and_of_tones(tone):
    speech, rate = soundfile.read(VOICE)
    filters = np.random.default_rng(0).normal(size=(32, 64))
    waveform = np.sin(2 * np.pi * tone * np.arange(len(speech)) / rate + 0.3) if tone else speech
    frames = np.lib.stride_tricks.sliding_window_view(waveform, 32)[::16] @ filters
    values = np.maximum(frames, 0)[None, None].astype(np.float32)
    mean, variance = quantized_statistics(values, known=True)
    np.testing.assert_allclose(np.squeeze(mean), values.mean(), rtol=0.05)
    np.testing.assert_allclose(np.squeeze(variance), values.var(), rtol=0.05)
