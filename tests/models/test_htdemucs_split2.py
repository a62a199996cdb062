"""HTDemucs with two input planes, from FQSS's planes on to FQSS's estimates.

FQSS's second output plane is that of its residual block, which is written out here: ours is exact.
"""

import json
import re
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
import tf_keras as keras

from fqss_tf.audio.hybrid import separate
from fqss_tf.importing.layouts import recognised
from fqss_tf.models import registry
from fqss_tf.models.htdemucs.branches import BRANCHES, EDGE
from fqss_tf.models.published import PublishedTensors
from fqss_tf.models.waveform_weights import assign
from fqss_tf.quantization.folding import add_planes

FIXTURE = Path(__file__).parents[1] / "fixtures" / "fqss_htdemucsq_split2_a.npz"
# What FQSS puts into the keys of the layers that it wraps for quantization.
WRAPPED = re.compile(
    r"\.(conv1d|conv2d|convTr1d|convTr2d|layernorm|mha|linear|embedding)"
    r"(?=\.(weight|bias|in_proj_|out_proj))"
)
TOLERANCE = 5e-5
FIRST = {"frequency": "encoder.0.conv.weight", "time": "tencoder.0.conv.weight"}
LAST = {"frequency": "decoder.3.conv_tr", "time": "tdecoder.3.conv_tr"}
HEARD = {"frequency": "act/splitter_spec", "time": "act/splitter_wave"}


def unwrapped(key):
    # A norm goes into the wrapper of the convolution before it.
    key = re.sub(r"\.(\d)\.gn\.", lambda found: f".{int(found[1]) + 1}.", key)
    return WRAPPED.sub("", key)


def flat(kernel):
    """Of PyTorch, with one axis or two, as of TensorFlow."""
    return (kernel if kernel.ndim == 4 else kernel[:, :, None]).transpose(2, 3, 1, 0)


class Recording:
    def __init__(self):
        self.arrays = np.load(FIXTURE)
        state = {
            unwrapped(key.removeprefix("sd/")): self.arrays[key]
            for key in self.arrays if key.startswith("sd/")
        }
        self.residual = {key: state.pop(key) for key in list(state) if "residual_error" in key}
        self.first = {branch: state[key] for branch, key in FIRST.items()}
        self.last = {
            branch: (state[f"{key}.weight"], state[f"{key}.bias"]) for branch, key in LAST.items()
        }
        for key in FIRST.values():
            state[key] = state[key][:, : state[key].shape[1] // 2]
        tensors = PublishedTensors(state)
        arguments = json.loads(str(self.arrays["config"]))
        layout = recognised(tensors, "demucs-htdemucs")
        self.config, _ = layout.sizes(tensors, {
            key: value for key, value in arguments.items() if not key.startswith("n_")
        })
        self.weights = layout.weights(tensors, self.config)
        tensors.finish()

    def network(self):
        """With the recorded weights of both input planes."""
        published = registry.build(self.config)
        assign(published, self.weights)
        network = add_planes(published, self.config, input_planes=2, output_planes=1)
        for branch, kernel in self.first.items():
            second = flat(kernel[:, kernel.shape[1] // 2 :])
            network.get_layer(f"{branch}_encoder_0_plane_1").set_weights([second])
        return network

    def planes(self, branch):
        planes = np.moveaxis(self.arrays[HEARD[branch.name]], 1, -1)
        return planes if branch.along_rows else planes[:, None]

    def second_plane(self, branch, latent):
        """What FQSS's residual block adds to the first plane, cut as that is."""
        step = (1, *branch.along(4), 1)

        def decoded(values, kernel, bias):
            rows, frames = values.shape[1:3]
            size = (4 * rows + 4, frames) if branch.along_rows else (rows, 4 * frames + 4)
            kernel = flat(kernel)
            shape = (1, *size, kernel.shape[2])
            return tf.nn.conv2d_transpose(values, kernel, shape, step, "VALID") + bias

        key = LAST[branch.name]
        residual = {
            name.removeprefix(f"{key}.residual_error_block."): array
            for name, array in self.residual.items()
        }
        kernel, bias = self.last[branch.name]
        seen = tf.nn.conv2d(
            decoded(latent, kernel, bias), flat(residual["residual_encoder.weight"]), step, "VALID"
        )
        left = latent - seen - residual["residual_encoder.bias"]
        own = residual.get("residual_decoder.weight", kernel)
        found = decoded(left, own, residual.get("residual_decoder.bias", 0.0)).numpy()
        whole = slice(None)
        ends = slice(EDGE, -EDGE)
        return found[:, ends, whole] if branch.along_rows else found[:, whole, ends]


@pytest.fixture(scope="module")
def recording():
    return Recording()


@pytest.fixture(scope="module")
def outputs(recording):
    """First plane and second one of each branch, by its name."""
    network = recording.network()
    latents = registry.network_of(recording.config).latents(recording.config)
    names = [*latents, *(f"{branch.given}_0" for branch in BRANCHES)]
    core = keras.Model(
        [network.get_layer(branch.splitter).output for branch in BRANCHES],
        [network.get_layer(name).output for name in names],
    )
    found = core([recording.planes(branch) for branch in BRANCHES])
    return {
        branch.name: (first.numpy(), recording.second_plane(branch, latent))
        for branch, latent, first in zip(BRANCHES, found[:2], found[2:], strict=True)
    }


def estimates(recording, outputs, of_second):
    def network(waveform, heard):
        waves, spectra = (
            outputs[name][0] + of_second * outputs[name][1] for name in ("time", "frequency")
        )
        return waves[0, 0], spectra[0]

    samples = recording.arrays["input"][0].T
    return separate(samples, network, recording.config.kernel).transpose(0, 2, 1)[None]


def test_estimates_equal_the_original(recording, outputs, relative_error):
    found = estimates(recording, outputs, 1 / 256)
    assert relative_error(found, recording.arrays["output"]) <= TOLERANCE
    assert relative_error(found, recording.arrays["output64"]) <= TOLERANCE


def test_second_planes_matter_more_than_the_tolerance(recording, outputs, relative_error):
    without = estimates(recording, outputs, 0)
    assert relative_error(without, recording.arrays["output"]) > 4 * TOLERANCE
