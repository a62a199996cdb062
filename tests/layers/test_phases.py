"""Phases put in their places, against numpy."""

import numpy as np
import pytest
import tf_keras as keras

from fqss_tf.layers.full_scale import OverBound, TimesBound
from fqss_tf.layers.phases import PhasesToFrames, PhasesToRows


@pytest.fixture
def phases():
    return np.random.default_rng(0).normal(size=(2, 3, 5, 8)).astype(np.float32)


def test_phases_become_rows(phases):
    rows = PhasesToRows(4)(phases).numpy()
    assert rows.shape == (2, 12, 5, 2)
    for phase in range(4):
        np.testing.assert_array_equal(
            rows[:, phase::4], phases[..., 2 * phase : 2 * phase + 2]
        )


def test_phases_become_frames(phases):
    frames = PhasesToFrames(4)(phases).numpy()
    assert frames.shape == (2, 3, 20, 2)
    for phase in range(4):
        np.testing.assert_array_equal(
            frames[:, :, phase::4], phases[..., 2 * phase : 2 * phase + 2]
        )


@pytest.mark.parametrize("layer, shape", [
    (PhasesToRows(4), (None, 12, None, 2)), (PhasesToFrames(4), (None, 3, None, 2)),
])
def test_shapes_are_known_and_layers_restored(layer, shape):
    entry = keras.Input((3, None, 8))
    assert tuple(layer(entry).shape) == shape
    assert type(layer).from_config(layer.get_config()).count == 4


def test_a_bound_becomes_1_and_1_the_bound(phases):
    over, times = OverBound(), TimesBound()
    levelled = over(phases)
    np.testing.assert_array_equal(levelled, phases)  # it begins as 1
    over.set_weights([2.5])
    np.testing.assert_allclose(over(phases), phases / 2.5, rtol=1e-6)
    times.build(phases.shape)
    times.set_weights([2.5])
    np.testing.assert_allclose(times(over(phases)), phases, rtol=1e-6)
    assert over.trainable_weights == times.trainable_weights == []
