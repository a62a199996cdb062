"""A latent of two planes in integers: what the simulation says, on both kernel sets."""

import pytest

from fqss_tf.config import load_recipe
from fqss_tf.export.convert import convert
from fqss_tf.runs.untrained import UntrainedRun

SIZES = ("model.filters=64", "model.bottleneck=32", "model.skip=32", "model.hidden=64",
         "model.blocks=3", "model.repeats=1", "data.segment_seconds=1",
         "quantization.latent_planes=2")
REST = ("model.kernel=32", "model.hop=16", "model.first_is_rest=true")


@pytest.mark.parametrize("recipe, settings, stream, least", [
    ("convtasnet", ("quantization.masking=centered", "model.sources=1"), False, 25),
    ("voice", REST, False, 35),
    ("voice-stream", REST, True, 35),
])
def test_a_latent_of_two_planes_is_the_simulation(recipe, settings, stream, least, tmp_path):
    run = UntrainedRun(load_recipe(recipe, (*SIZES, *settings)))
    found = convert(run, tmp_path / "model.tflite", stream=stream)
    assert found.parity["reference"].sqnr_db > least
    assert found.parity["xnnpack"].sqnr_db > least
