"""Attention and LSTM train in float; what has no quantisers yet is refused at once."""

import numpy as np
import pytest

from fqss_tf.config import load_recipe
from fqss_tf.errors import FqssError
from fqss_tf.training.run import Run, train

SMALL = (
    "data.segment_seconds=0.25", "float.steps=2", "float.batch_size=1", "float.evaluate_every=2",
    "model.filters=32", "model.chunk=20", "model.blocks=1",
)
# What brings each network to a size that a test can train.
RECIPES = {
    "sepformer-mobile": (
        "model.width=8", "model.feed_forward=8", "model.intra_layers=1", "model.inter_layers=1",
    ),
    "dptnet-mobile": ("model.width=8", "model.hidden=4"),
    "dptnet-asteroid-mobile": ("model.chunk_hop=10", "model.hidden=4"),
    "dprnn-mobile": ("model.width=8", "model.chunk_hop=10", "model.hidden=4"),
}


@pytest.mark.parametrize("name", ["sepformer-mobile", "dptnet-mobile"])
def test_the_float_stage(name, tmp_path, monkeypatch):
    import fqss_tf.training.run as module

    whole = module.fixed_mixtures
    monkeypatch.setattr(module, "fixed_mixtures", lambda *arguments: [
        (mixture[:2048], sources[:, :2048]) for mixture, sources in whole(*arguments)[:1]
    ])
    run = train(load_recipe(name, (*SMALL, *RECIPES[name])), tmp_path / "run")
    mixture = np.random.default_rng(0).uniform(-1, 1, (1, 1, 2048, 1)).astype(np.float32)
    trained, again = run.float_model(), Run(run.folder).model()
    assert trained(mixture).shape == (1, 2, 2048, 1)
    np.testing.assert_allclose(again(mixture), trained(mixture), atol=1e-5)


@pytest.mark.parametrize("name", ["sepformer-mobile", "dprnn-mobile"])
def test_quantising_is_refused_before_anything_is_trained(name, tmp_path):
    recipe = load_recipe(name, (*SMALL, *RECIPES[name], "qat.steps=2"))
    with pytest.raises(FqssError, match="no quantisers are known for layer .* in float only"):
        train(recipe, tmp_path / "run")
    assert list(tmp_path.iterdir()) == []
