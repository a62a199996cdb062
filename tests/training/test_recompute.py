"""The gradient that computes the network again: the same numbers from less memory."""

import subprocess
import sys

import numpy as np
import pytest
import tensorflow as tf
import tf_keras as keras

from fqss_tf.models.convtasnet.sizes import ConvTasNetConfig
from fqss_tf.models.masking import decode_beside
from fqss_tf.models.registry import build
from fqss_tf.quantization.centering import center_masks
from fqss_tf.quantization.folding import add_planes
from fqss_tf.quantization.wrap import calibrate, quantize
from fqss_tf.training.recompute import Recomputed, segments

ENCODER = {"filters": 16, "kernel": 4, "hop": 2}
CONFIGS = {
    "global norm and PReLU": ConvTasNetConfig(
        **ENCODER, bottleneck=4, skip=4, hidden=8, blocks=2, repeats=1
    ),
    "batch norm, ReLU and rectified features": ConvTasNetConfig(
        **ENCODER, bottleneck=4, skip=4, hidden=8, blocks=2, repeats=1, norm="batch",
        activation="relu", features="rectified",
    ),
}
LAYERS = 40
# A chain whose tensors have 4 MB each; prints the megabytes that its gradient added to the peak.
PEAK_OF_A_GRADIENT = f"""
import sys
import tensorflow as tf, tf_keras as keras
from fqss_tf.benchmark.memory import peak_bytes
from fqss_tf.training.recompute import Recomputed
entry = value = keras.Input((1, None, 256))
for _ in range({LAYERS}):
    value = keras.layers.Activation("tanh")(value)
model = keras.Model(entry, value)
network = Recomputed(model) if sys.argv[1] == "recomputed" else model
@tf.function
def step(x):
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = tf.reduce_sum(network(x, training=True))
    return tape.gradient(y, x)
step(tf.ones([1, 1, 1, 256]))
before = peak_bytes()
step(tf.ones([1, 1, 4096, 256]))
print((peak_bytes() - before) / 2**20)
"""


def quantized(config, masking="direct", latent_planes=1):
    """A quantized network with random weights, and a batch of two mixtures [2, 1, T, 1]."""
    keras.utils.set_random_seed(0)
    mixtures = np.random.default_rng(0).uniform(-1, 1, (2, 1, 96, 1)).astype(np.float32)
    network = add_planes(
        build(config), config, input_planes=2, output_planes=2, masking=masking,
        latent_planes=latent_planes,
    )
    center_masks(network, [mixtures[:, 0, :, 0]])
    decode_beside(network, config)
    model = quantize(network)
    calibrate(model, [mixtures] * 3)
    return model, tf.constant(mixtures)


def values_and_gradients(network, variables, mixtures):
    @tf.function(autograph=False)
    def step():
        with tf.GradientTape() as tape:
            estimates = network(mixtures, training=True)
            loss = tf.reduce_sum(tf.square(estimates - 0.1))
        return estimates, tape.gradient(
            loss, variables, unconnected_gradients=tf.UnconnectedGradients.ZERO
        )

    estimates, gradients = step()
    return estimates.numpy(), [gradient.numpy() for gradient in gradients]


@pytest.mark.parametrize("name, masking, latent_planes", [
    *((name, "direct", 1) for name in CONFIGS), ("global norm and PReLU", "centered", 1),
    ("global norm and PReLU", "centered", 2),
])
def test_values_are_equal_and_gradients_are_up_to_float_rounding(name, masking, latent_planes):
    model, mixtures = quantized(CONFIGS[name], masking, latent_planes)
    variables = model.trainable_variables
    estimates, expected = values_and_gradients(model, variables, mixtures)
    recomputed = Recomputed(model)
    assert len(recomputed.segments) > 2
    found, gradients = values_and_gradients(recomputed, variables, mixtures)
    np.testing.assert_array_equal(found, estimates)
    assert sum(np.any(gradient != 0) for gradient in expected) > len(expected) / 2
    for variable, one, other in zip(variables, gradients, expected, strict=True):
        scale = np.abs(other).max()
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-5 * scale, err_msg=variable.name)


def test_every_layer_is_in_one_segment_behind_its_inputs():
    model, _ = quantized(CONFIGS["global norm and PReLU"])
    known = {id(model.input)}
    names = []
    for segment in segments(model):
        assert set(segment.inputs) <= known
        inside = set(segment.inputs)
        for layer in segment.layers:
            assert {id(item) for item in tf.nest.flatten(layer.input)} <= inside
            inside.add(id(layer.output))
            names.append(layer.name)
        assert set(segment.outputs) <= inside
        known |= set(segment.outputs)
    assert id(model.output) in known
    assert sorted(names) == sorted(layer.name for layer in model.layers[1:])


def test_a_network_is_cut_where_few_channels_are_alive():
    """Wide inside of the blocks, narrow between them: nothing wide is kept."""
    value = entry = keras.Input((1, None, 2))
    for _ in range(6):
        wide = keras.layers.Conv2D(64, 1, activation="relu")(value)
        narrow = keras.layers.Conv2D(2, 1)(keras.layers.Conv2D(64, 1, activation="relu")(wide))
        value = keras.layers.Add()([value, narrow])
    model = keras.Model(entry, value)
    channels = {id(layer.output): layer.output.shape[-1] for layer in model.layers}
    found = segments(model)
    assert len(found) > 2
    assert {channels[key] for segment in found for key in segment.outputs} == {2}


def test_the_gradient_needs_less_memory():
    def added(kind):
        done = subprocess.run(
            [sys.executable, "-c", PEAK_OF_A_GRADIENT, kind], capture_output=True, text=True,
            check=True,
        )
        return float(done.stdout)

    kept, recomputed = added("kept"), added("recomputed")
    assert kept > 4 * LAYERS * 0.9
    assert recomputed < kept / 2


def test_a_replica_recomputes_too():
    model, mixtures = quantized(CONFIGS["batch norm, ReLU and rectified features"])
    strategy = tf.distribute.MirroredStrategy(["CPU:0"])
    with strategy.scope():
        copy, _ = quantized(CONFIGS["batch norm, ReLU and rectified features"])
        network = Recomputed(copy)
    _, expected = values_and_gradients(model, model.trainable_variables, mixtures)

    @tf.function(autograph=False)
    def step():
        def of_replica():
            with tf.GradientTape() as tape:
                loss = tf.reduce_sum(tf.square(network(mixtures, training=True) - 0.1))
            return tape.gradient(
                loss, copy.trainable_variables,
                unconnected_gradients=tf.UnconnectedGradients.ZERO,
            )

        return strategy.run(of_replica)

    for one, other in zip(step(), expected, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-5 * np.abs(other).max())
