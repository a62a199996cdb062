"""Attention and LSTM train, in float and quantized."""

import numpy as np
import pytest

from fqss_tf.config import load_recipe
from fqss_tf.runs.run import Run
from fqss_tf.training.stages import train

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
}


@pytest.fixture
def short_mixtures(monkeypatch):
    import fqss_tf.training.stages as module

    whole = module.fixed_mixtures
    monkeypatch.setattr(module, "fixed_mixtures", lambda *arguments, **options: [
        (mixture[:2048], sources[:, :2048])
        for mixture, sources in whole(*arguments, **options)[:1]
    ])


def mixture():
    return np.random.default_rng(0).uniform(-1, 1, (1, 1, 2048, 1)).astype(np.float32)


@pytest.mark.parametrize("name", ["sepformer-mobile", "dptnet-mobile"])
def test_the_float_stage(name, tmp_path, short_mixtures):
    settings = (*SMALL, *RECIPES[name], "qat.steps=0")
    run = train(load_recipe(name, settings), tmp_path / "run")
    trained, again = run.float_model(), Run(run.folder).model()
    assert trained(mixture()).shape == (1, 2, 2048, 1)
    np.testing.assert_allclose(again(mixture()), trained(mixture()), atol=1e-5)


@pytest.mark.slow
def test_the_quantized_stage(tmp_path, short_mixtures):
    settings = (
        *SMALL, *RECIPES["dptnet-mobile"], "qat.steps=2", "qat.batch_size=1",
        "qat.evaluate_every=2", "quantization.calibration_steps=2",
    )
    run = train(load_recipe("dptnet-mobile", settings), tmp_path / "run")
    assert run.is_quantized
    assert np.isfinite(run.quantized_model()(mixture())).all()
