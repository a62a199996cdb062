"""The dual-path networks as .tflite: float32 runs as Keras does, the rest is refused at once."""

import pytest

from fqss_tf.config import load_recipe
from fqss_tf.errors import FqssError
from fqss_tf.export.convert import convert
from fqss_tf.training.run import UntrainedRun

SMALL = ("model.filters=32", "model.chunk=10", "model.blocks=1", "model.width=8")
RECIPES = {
    "sepformer-mobile": ("model.intra_layers=1", "model.inter_layers=1", "model.feed_forward=8"),
    "dptnet-mobile": ("model.hidden=4",),
}


@pytest.mark.parametrize("name", RECIPES)
def test_float32_runs_as_keras_does(name, tmp_path):
    run = UntrainedRun(load_recipe(name, (*SMALL, *RECIPES[name])))
    description = convert(run, tmp_path / "model.tflite", "float32", seconds=0.25)
    for kernels in ("reference", "xnnpack"):
        assert description["parity"][kernels]["sqnr_db"] >= 80


@pytest.mark.parametrize("kind, reason", [
    ("int8", "no quantisers are known for layer"), ("int16x8", "only convtasnet"),
])
def test_integers_are_refused(kind, reason, tmp_path):
    run = UntrainedRun(load_recipe("dprnn-mobile", ("model.blocks=1",)))
    with pytest.raises(FqssError, match=reason):
        convert(run, tmp_path / "model.tflite", kind, seconds=0.25)
    assert list(tmp_path.iterdir()) == []
