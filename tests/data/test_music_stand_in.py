"""A network of music has bundled voices in noise where nobody gave it songs."""

import numpy as np
import pytest

from fqss_tf.config import load_recipe
from fqss_tf.data.recipe_data import calibration_batches, fixed_mixtures


@pytest.fixture
def recipe():
    return load_recipe("spleeter-4stems", ["data.segment_seconds=3", "model.bins=64"])


def test_a_voice_and_its_noise_are_the_first_stems(recipe, logged):
    mixture, stems = fixed_mixtures(recipe, "test")[0]
    assert any("--calibrate" in line for line in logged())
    assert stems.shape == (4, len(mixture)) and len(mixture) % 1024 == 0
    np.testing.assert_allclose(stems.sum(axis=0), mixture, atol=1e-6)
    assert not stems[2:].any() and all(stem.any() for stem in stems[:2])


def test_ranges_are_measured_on_whole_segments_of_peak_1(recipe):
    batches = list(calibration_batches(recipe))
    assert len(batches) == recipe.quantization.calibration_steps
    for batch in batches:
        assert batch.shape == (1, recipe.segment())
        assert np.abs(batch).max() == pytest.approx(1)
    assert not np.array_equal(batches[0], batches[1])
