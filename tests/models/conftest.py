"""Outputs and weights of the original PyTorch networks, with sizes that keep a test short."""

import json
import re
from pathlib import Path

import numpy as np
import pytest
import tf_keras as keras

from fqss_tf.importing.importer import read_published
from fqss_tf.importing.layouts import recognised
from fqss_tf.models.published import PublishedTensors
from fqss_tf.models.registry import build
from fqss_tf.models.waveform_weights import assign

FIXTURES = Path(__file__).parents[1] / "fixtures"
# What FQSS puts into the keys of the layers that it wraps for quantization.
WRAPPED = re.compile(
    r"\.(conv1d|convTr1d|conv2d|groupnorm|layernorm|mha|linear|lstm|nl)"
    r"(?=\.(weight|bias|in_proj_|out_proj))"
)


class Original:
    """One recorded run of an original network."""

    def __init__(self, name):
        path = FIXTURES / f"{name}.npz"
        self.arrays = np.load(path)
        self.imported = read_published(path)
        self.config = self.imported.recipe.model

    @property
    def mixture(self):
        return self.arrays["input"].reshape(len(self.arrays["input"]), 1, -1, 1)

    def model(self, **options):
        """The network with the recorded weights."""
        model = build(self.config, **options)
        assign(model, self.imported.weights)
        return model


class OriginalStages:
    """One recorded run of an original network with two input planes and two output planes."""

    def __init__(self, name):
        self.arrays = np.load(FIXTURES / f"{name}.npz")
        state = {
            _unwrapped(key.removeprefix("sd/")): self.arrays[key]
            for key in self.arrays if key.startswith("sd/")
        }
        self.encoder_key = next(iter(state))
        self.encoder = state[self.encoder_key]
        self.residual = {
            key.rpartition("residual_error_block.")[2]: state.pop(key)
            for key in list(state) if "residual_error_block" in key
        }
        arguments = json.loads(str(self.arrays["config"]))
        arguments = {k: v for k, v in arguments.items() if k not in ("n_splitter", "n_combiner")}
        first = self.encoder[:, : self.encoder.shape[1] // 2]
        tensors = PublishedTensors({**state, self.encoder_key: first})
        layout = recognised(tensors, "fqss")
        self.config, _ = layout.sizes(tensors, arguments)
        self.weights = layout.weights(tensors, self.config)
        tensors.finish()


def _unwrapped(key):
    # A PReLU goes into the wrapper of the convolution before it.
    key = re.sub(r"(\.(?:shared_block|net)\.)(\d)\.nl", lambda m: f"{m[1]}{int(m[2]) + 1}", key)
    return WRAPPED.sub("", key)


@pytest.fixture
def original():
    return Original


@pytest.fixture
def original_planes():
    return OriginalStages


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
