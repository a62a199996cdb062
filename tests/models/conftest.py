"""Outputs and weights of the original PyTorch networks, with sizes that keep a test short."""

import json
from pathlib import Path

import numpy as np
import pytest
import tf_keras as keras

from fqss_tf.models.convtasnet import ConvTasNetConfig

FIXTURES = Path(__file__).parents[1] / "fixtures"


class Original:
    """One recorded run of an original network."""

    def __init__(self, name):
        self.arrays = np.load(FIXTURES / f"{name}.npz")
        sizes = json.loads(str(self.arrays["config"]))
        self.config = ConvTasNetConfig(
            filters=sizes["n_filters"], kernel=sizes["kernel_size"], hop=sizes["stride"],
            bottleneck=sizes["bn_chan"], skip=sizes["bn_chan"], hidden=sizes["hid_chan"],
            blocks=sizes["n_blocks"], repeats=sizes["n_repeats"],
            mask_activation=sizes["mask_act"],
        )
        self.names = json.loads(str(self.arrays["sd_order"]))

    def weight(self, name):
        return self.arrays[f"sd/{name}"]

    @property
    def state(self):
        return [self.weight(name) for name in self.names]

    @property
    def mixture(self):
        return self.arrays["input"].reshape(2, 1, -1, 1)


@pytest.fixture
def original():
    return Original


@pytest.fixture
def relative_error():
    """Largest difference over the largest reference value."""

    def error(actual, reference):
        assert actual.shape == reference.shape
        return np.abs(actual - reference).max() / np.abs(reference).max()

    return error


@pytest.fixture
def floatx():
    """Switches Keras' default float type; restored after the test."""
    before = keras.backend.floatx()
    yield keras.backend.set_floatx
    keras.backend.set_floatx(before)
