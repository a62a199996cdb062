"""A network as published, with global norms and PReLU, on the kernels that people run."""

import pytest

from fqss_tf.config import load_recipe
from fqss_tf.export.convert import convert
from fqss_tf.layers.energy import LEAST_THINNED
from fqss_tf.runs.untrained import UntrainedRun

PUBLISHED = (
    "model.filters=64", "model.bottleneck=32", "model.skip=32", "model.hidden=64",
    "model.blocks=3", "model.repeats=1",
)


# Enough values for a norm, 64000, to see what XNNPACK does to a mean over many of them; and so many
# frames that norms hear a quarter.
@pytest.mark.parametrize("seconds", [1, 1.2])
@pytest.mark.parametrize("sources", [1, 2])
def test_global_norms_are_the_simulation_with_either_kernel_set(sources, seconds, tmp_path):
    settings = (*PUBLISHED, f"model.sources={sources}", f"data.segment_seconds={seconds}")
    recipe = load_recipe("convtasnet", settings)
    assert (seconds * recipe.data.sample_rate // recipe.model.hop >= LEAST_THINNED) == (seconds > 1)
    parity = convert(UntrainedRun(recipe), tmp_path / "model.tflite").parity
    assert parity["reference"].sqnr_db > 25
    assert parity["xnnpack"].sqnr_db > 25
