import dataclasses

import numpy as np
import pytest

from fqss_tf.config import load_recipe
from fqss_tf.export.naive import naive_model
from fqss_tf.models import convtasnet
from fqss_tf.quantization import transfer

TINY = (
    "model.filters=24", "model.kernel=16", "model.hop=8", "model.bottleneck=8", "model.skip=12",
    "model.hidden=16", "model.blocks=3", "model.repeats=2",
)


@pytest.mark.parametrize("norm", ["global", "batch"])
@pytest.mark.parametrize("activation", ["prelu", "relu"])
@pytest.mark.parametrize("mask_activation", ["relu", "sigmoid"])
def test_the_exported_graph_computes_what_the_papers_graph_computes(
    norm, activation, mask_activation
):
    config = dataclasses.replace(
        load_recipe("convtasnet", TINY).model,
        norm=norm, activation=activation, mask_activation=mask_activation,
    )
    model = convtasnet.build(config)
    rng = np.random.default_rng(0)
    for layer in model.layers:
        layer.set_weights([
            rng.uniform(0.2, 0.8, value.shape) if "variance" in weight.name
            else value + rng.normal(0, 0.2, value.shape)
            for weight, value in zip(layer.weights, layer.get_weights(), strict=True)
        ])
    mixture = rng.uniform(-1, 1, (1, 1, 400, 1)).astype(np.float32)
    expected = np.concatenate(naive_model(model, config, 400)(mixture), axis=1)
    found = transfer.deployable(model, config)(mixture).numpy()
    assert np.abs(found - expected).max() <= 1e-6 * np.abs(expected).max()
