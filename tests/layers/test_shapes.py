"""Layers that gate, fill up, cut and flatten, and the positions of tokens, against numpy."""

import numpy as np
import pytest

from fqss_tf.layers.attention import DotProductAttention
from fqss_tf.layers.gates import GatedLinearUnit
from fqss_tf.layers.positions import AddFramePositions, AddGridPositions, AddRows
from fqss_tf.layers.shapes import CutTo, FillToMultiple, FromRow, ToRow


@pytest.fixture
def image():
    return np.random.default_rng(0).normal(size=(2, 3, 5, 8)).astype(np.float32)


def test_half_of_the_channels_gate_the_others(image):
    expected = image[..., :4] / (1 + np.exp(-image[..., 4:]))
    np.testing.assert_allclose(GatedLinearUnit()(image), expected, rtol=1e-5)


@pytest.mark.parametrize("step, length", [(4, 8), (5, 5), (3, 6)])
def test_zeros_fill_up_and_are_cut_off(step, length, image):
    filled = FillToMultiple(step)(image).numpy()
    assert filled.shape == (2, 3, length, 8) and not filled[:, :, 5:].any()
    np.testing.assert_array_equal(CutTo(0)([filled, image]), image)
    np.testing.assert_array_equal(CutTo(1)([image, image[:, :, :3]]), image[:, :, 1:4])


def test_what_fits_is_left_as_it_is(image):
    fits = image[:, :, :4]
    np.testing.assert_array_equal(FillToMultiple(4)(fits), fits)
    np.testing.assert_array_equal(CutTo(0)([fits, fits]), fits)


def test_rows_become_one_and_come_back(image):
    row = ToRow()(image)
    np.testing.assert_array_equal(row[:, 0], image.reshape(2, 15, 8))
    np.testing.assert_array_equal(FromRow()([row, image]), image)


def test_each_row_has_a_vector(image):
    layer = AddRows()
    layer.build(image.shape)
    rows = np.random.default_rng(1).normal(size=(3, 8)).astype(np.float32)
    layer.set_weights([rows])
    np.testing.assert_allclose(layer(image), image + rows[:, None], rtol=1e-6)


def test_positions_of_frames_are_cosines_then_sines(image):
    added = (AddFramePositions()(image) - image).numpy()
    angles = np.arange(5)[:, None] / 10000 ** (np.arange(4) / 3)
    expected = np.concatenate([np.cos(angles), np.sin(angles)], axis=1)
    np.testing.assert_allclose(added[1, 2], expected, atol=1e-5)


def test_positions_on_a_grid_tell_frame_and_row(image):
    added = (AddGridPositions()(image) - image).numpy()
    rates = 10000 ** (-np.arange(0, 4, 2) / 4)
    for row in range(3):
        for frame in range(5):
            turns = [[np.sin(place * rate), np.cos(place * rate)]
                     for place in (frame, row) for rate in rates]
            np.testing.assert_allclose(added[0, row, frame], np.ravel(turns), atol=1e-5)


def test_queries_may_attend_to_a_sequence_of_another_length(image):
    rng = np.random.default_rng(1)
    key, value = rng.normal(size=(2, 2, 3, 7, 8)).astype(np.float32)
    given = DotProductAttention(heads=2)([image, key, value]).numpy()
    for head in (slice(0, 4), slice(4, 8)):
        scores = image[1, 2, :, head] @ key[1, 2, :, head].T / 2
        weights = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
        np.testing.assert_allclose(
            given[1, 2, :, head], weights @ value[1, 2, :, head], atol=1e-5
        )
