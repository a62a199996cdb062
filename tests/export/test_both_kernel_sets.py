"""A network as published, with global norms and PReLU, on the kernels that people run."""

import pytest

from fqss_tf.config import load_recipe
from fqss_tf.export.convert import convert
from fqss_tf.runs.untrained import UntrainedRun

# Enough values for a norm, 64000, to see what XNNPACK does to a mean over many of them.
PUBLISHED = (
    "model.filters=64", "model.bottleneck=32", "model.skip=32", "model.hidden=64",
    "model.blocks=3", "model.repeats=1", "data.segment_seconds=1",
)


@pytest.mark.parametrize("sources", [1, 2])
def test_global_norms_are_the_simulation_with_either_kernel_set(sources, tmp_path):
    recipe = load_recipe("convtasnet", (*PUBLISHED, f"model.sources={sources}"))
    parity = convert(UntrainedRun(recipe), tmp_path / "model.tflite").parity
    assert parity["reference"].sqnr_db > 25
    assert parity["xnnpack"].sqnr_db > 25
