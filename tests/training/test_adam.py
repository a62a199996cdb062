import numpy as np
import tensorflow as tf
import tf_keras as keras

from fqss_tf.quantization.quantizers import RangeQuantizer
from fqss_tf.training.adam import FusedAdam, sizes

SHAPES = ((), (3,), (1, 3, 4, 5))


def trained(optimizer, strategy=None):
    """(variables after five steps, ops of a step) under a strategy."""
    strategy = strategy or tf.distribute.get_strategy()
    rng = np.random.default_rng(0)
    with strategy.scope():
        variables = [tf.Variable(rng.normal(size=shape).astype(np.float32)) for shape in SHAPES]
        optimizer = optimizer(0.1, use_ema=True, ema_momentum=0.9)
        optimizer.build(variables)

    @tf.function(autograph=False)
    def step(gradients):
        strategy.run(lambda: optimizer.apply_gradients(
            zip(gradients, variables, strict=True), skip_gradients_aggregation=True
        ))

    for number in range(5):
        optimizer.learning_rate.assign(0.1 / (number + 1))
        step([rng.normal(size=shape).astype(np.float32) for shape in SHAPES])
    every = [*variables, *optimizer.variables]
    (graph,) = step._list_all_concrete_functions()
    return [variable.numpy() for variable in every], len(graph.graph.get_operations())


def test_updates_and_variables_are_those_of_keras():
    expected, many = trained(keras.optimizers.Adam)
    found, few = trained(FusedAdam)
    assert len(found) == len(expected)
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-5, atol=2e-6)
    assert few < many * 0.75


def test_updates_under_a_strategy():
    expected, _ = trained(FusedAdam)
    found, _ = trained(FusedAdam, tf.distribute.MirroredStrategy(["CPU:0"]))
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-6)


def test_each_variable_moves_by_a_share_of_its_size():
    values = np.array([3.0, -4.0], np.float32), np.array([3e-4, -4e-4], np.float32)
    variables = [tf.Variable(value) for value in values]
    optimizer = FusedAdam(0.01, sizes(variables))
    optimizer.build(variables)
    gradients = optimizer.relative([tf.fill(2, 1e-2 / size) for size in sizes(variables)])
    np.testing.assert_allclose(gradients, 1e-2, rtol=1e-6)
    optimizer.apply_gradients(zip(gradients, variables, strict=True))
    for value, variable in zip(values, variables, strict=True):
        size = np.sqrt(np.mean(value**2))
        np.testing.assert_allclose(value - variable, 0.01 * size, rtol=1e-2)


def test_a_range_moves_by_a_share_of_its_width():
    layer = keras.layers.Layer()
    quantizer = RangeQuantizer()
    weights = quantizer.build(None, "output", layer)
    (low, high), shifts = quantizer.range(), layer.trainable_variables
    optimizer = FusedAdam(0.01, sizes(shifts))
    optimizer.build(shifts)
    gradients = optimizer.relative([tf.ones(())] * 2)
    optimizer.apply_gradients(zip(gradients, shifts, strict=True))
    moved = np.subtract(quantizer.range(), (low, high))
    np.testing.assert_allclose(moved, -0.01 * (high - low), rtol=1e-2)
    assert len(weights) == 4
