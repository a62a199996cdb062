"""LSTM, attention and norms against Keras' own layers."""

import numpy as np
import pytest
import tf_keras as keras

from fqss_tf.layers.attention import AddPositions, DotProductAttention, sinusoids
from fqss_tf.layers.lstm import BidirectionalLstm
from fqss_tf.layers.norm import ChannelLayerNorm, RowLayerNorm


@pytest.fixture
def rows():
    return np.random.default_rng(0).normal(size=(2, 3, 7, 8)).astype(np.float32)


def test_lstm_equals_keras(rows):
    layer = BidirectionalLstm(5)
    outputs = layer(rows).numpy()
    reference = keras.layers.Bidirectional(keras.layers.LSTM(5, return_sequences=True))
    reference.build((None, 7, 8))
    reference.set_weights(layer.get_weights())
    expected = reference(rows.reshape(6, 7, 8)).numpy()
    np.testing.assert_allclose(outputs, expected.reshape(2, 3, 7, 10), atol=1e-6)


@pytest.mark.parametrize("heads", [1, 2, 4])
def test_attention_equals_keras(heads, rows):
    query, key, value = rows, rows[..., ::-1] * 2, rows * 0.5
    context = DotProductAttention(heads)([query, key, value]).numpy()
    reference = keras.layers.MultiHeadAttention(heads, 8 // heads, use_bias=False)
    through = np.eye(8).reshape(8, heads, 8 // heads)
    flat = [item.reshape(6, 7, 8) for item in (query, value, key)]
    reference(*flat)
    reference.set_weights([through, through, through, through.transpose(1, 2, 0)])
    np.testing.assert_allclose(context.reshape(6, 7, 8), reference(*flat), atol=1e-6)


def test_attention_does_not_cross_rows(rows):
    changed = rows.copy()
    changed[:, 1:] += 1
    layer = DotProductAttention(2)
    before, after = layer([rows] * 3).numpy(), layer([changed] * 3).numpy()
    np.testing.assert_array_equal(before[:, 0], after[:, 0])
    assert np.abs(before[:, 1:] - after[:, 1:]).min() > 0


def test_gains_of_frames_of_length_1(rows):
    plain, unit = ChannelLayerNorm(), ChannelLayerNorm(unit_length=True)
    plain(rows), unit(rows)
    unit.set_weights([8**0.5 * np.ones(8), np.zeros(8)])
    np.testing.assert_allclose(unit(rows), plain(rows), atol=1e-5)


@pytest.mark.parametrize("kind, axes", [(ChannelLayerNorm, (3,)), (RowLayerNorm, (2, 3))])
def test_norms_over_their_axes(kind, axes, rows):
    layer = kind(epsilon=0.1)
    layer(rows)
    gain, bias = np.arange(1, 9), np.arange(8)
    layer.set_weights([gain, bias])
    centred = rows - rows.mean(axes, keepdims=True)
    expected = centred / np.sqrt(rows.var(axes, keepdims=True) + 0.1) * gain + bias
    np.testing.assert_allclose(layer(rows), expected, atol=1e-5)


def test_positions_are_sines_and_cosines_in_turn(rows):
    added = AddPositions()(rows) - rows
    place, wave = 5, 2
    angle = place / 10000 ** (2 * wave / 8)
    np.testing.assert_allclose(added[1, 2, place, 2 * wave], np.sin(angle), atol=1e-6)
    np.testing.assert_allclose(added[1, 2, place, 2 * wave + 1], np.cos(angle), atol=1e-6)
    assert sinusoids(4, 5).shape == (4, 5)
