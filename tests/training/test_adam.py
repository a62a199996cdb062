import numpy as np
import tensorflow as tf
import tf_keras as keras

from fqss_tf.training.adam import FusedAdam

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
