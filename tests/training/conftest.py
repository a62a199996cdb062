"""A separator of one layer and its data: enough for everything about training but the networks."""

import contextlib
import csv
import os
import signal
from pathlib import Path

import numpy as np
import pytest

SAMPLES = 64


class Micro:
    """``mixture -> (1.0 mixture, 0.1 mixture)`` at first, with or without a batch norm."""

    def __init__(self, folder):
        self.folder = Path(folder)

    def model(self, batch_norm=False):
        import tf_keras as keras

        start = keras.initializers.Constant([[[[1.0, 0.1]]]])
        mixture = keras.Input((1, None, 1))
        layer = keras.layers.BatchNormalization(name="norm")(mixture) if batch_norm else mixture
        layer = keras.layers.Conv2D(
            2, 1, use_bias=False, kernel_initializer=start, name="split"
        )(layer)
        return keras.Model(mixture, keras.layers.Permute((3, 2, 1), name="order")(layer))

    def batches(self, first_batch, poisoned=()):
        """Batch number n depends on n alone; the ``poisoned`` ones hold a NaN."""
        import tensorflow as tf

        def batch(number):
            rng = np.random.default_rng(number)
            sources = rng.standard_normal((2, 2, SAMPLES)).astype(np.float32)
            if number in poisoned:
                sources[0, 0, 0] = np.nan
            return sources

        def mixed(number):
            sources = tf.numpy_function(batch, [number], tf.float32)
            sources = tf.ensure_shape(sources, [2, 2, SAMPLES])
            return tf.reduce_sum(sources, axis=1), sources

        return tf.data.Dataset.counter(first_batch).map(mixed)

    def dev_mixtures(self):
        rng = np.random.default_rng(1000)
        pairs = rng.standard_normal((3, 2, SAMPLES)).astype(np.float32)
        return [(pair.sum(axis=0), pair) for pair in pairs]

    def fit(self, model, stage, *, batches=None, resume=False, **options):
        """Trains on the mean absolute error, on :meth:`batches` if no others are given."""
        import tensorflow as tf

        from fqss_tf.training.loop import StageLoop

        def loss(mixture, estimates, sources):
            return tf.reduce_mean(tf.abs(estimates - sources))

        stage_loop = StageLoop(
            model, loss, self.dev_mixtures(), stage, self.folder, name="float", **options
        )
        return stage_loop.run(batches or self.batches, resume)

    def log(self):
        """The rows of log.csv without the time they took."""
        with (self.folder / "log.csv").open(newline="") as file:
            rows = list(csv.DictReader(file))
        return [{key: value for key, value in row.items() if key != "seconds"} for row in rows]

    def files(self):
        """The arrays of the last checkpoint and of the best weights, without the time."""
        arrays = {}
        for path in ("checkpoints/float.npz", "best_float.npz"):
            with np.load(self.folder / path) as stored:
                arrays |= {f"{path}:{key}": stored[key] for key in stored.files}
        return {key: value for key, value in arrays.items() if not key.endswith("/seconds")}


@pytest.fixture(scope="session")
def micro_in():
    """Function folder -> Micro."""
    return Micro


@pytest.fixture
def micro(micro_in, tmp_path):
    return micro_in(tmp_path / "run")


@pytest.fixture
def interrupted_in_step_3():
    """A context in which the third training step is interrupted, as by Ctrl-C."""
    from fqss_tf.training import schedules

    rate = schedules.learning_rate

    def interrupting(stage, step, factor):
        if step == 2:
            os.kill(os.getpid(), signal.SIGTERM)
        return rate(stage, step, factor)

    @contextlib.contextmanager
    def context():
        with pytest.MonkeyPatch.context() as monkeypatch, pytest.raises(KeyboardInterrupt):
            monkeypatch.setattr(schedules, "learning_rate", interrupting)
            yield

    return context
