import csv
import math

import numpy as np
import pytest
import tensorflow as tf
import tf_keras as keras

from fqss_tf.config import StageRecipe
from fqss_tf.errors import FqssError
from fqss_tf.training.loop import fit

STEPS = 16


def spoiled_from_the_start(folder, **settings):
    """Trains a perfect separator of (x, 0) on a loss that only makes it worse; returns the log."""
    mixture = keras.Input((1, None, 1))
    split = keras.layers.Conv2D(
        2, 1, use_bias=False, kernel_initializer=keras.initializers.Constant([[[[1.0, 0.1]]]])
    )(mixture)
    model = keras.Model(mixture, keras.layers.Permute((3, 2, 1))(split))
    wave = np.sin(np.arange(64) / 3).astype(np.float32)
    noise = np.random.default_rng(0).standard_normal(64).astype(np.float32)
    batch = (tf.constant([wave + noise]), tf.constant([[wave, noise]]))
    dev = [(wave, np.stack([wave, wave]))]
    stage = StageRecipe(
        steps=STEPS, batch_size=1, learning_rate=1e-2, evaluate_every=1, patience=1, **settings
    )
    fit(
        model, lambda mixture, estimates, sources: tf.reduce_mean(estimates**2),
        lambda first: tf.data.Dataset.from_tensors(batch).repeat(), dev, stage, folder,
        name="float",
    )
    return list(csv.DictReader((folder / "log.csv").open()))[1:]


def test_the_cosine_schedule_ignores_plateaus(tmp_path):
    rates = [float(row["learning_rate"]) for row in
             spoiled_from_the_start(tmp_path, schedule="cosine")]
    expected = [1e-2 * 0.5 * (1 + math.cos(math.pi * step / STEPS)) for step in range(STEPS)]
    np.testing.assert_allclose(rates, expected, rtol=1e-4)


def test_the_plateau_schedule_halves_the_rate(tmp_path):
    rates = [float(row["learning_rate"]) for row in
             spoiled_from_the_start(tmp_path, schedule="plateau")]
    assert rates[0] == 1e-2
    assert set(np.round(np.divide(rates[:-1], rates[1:]))) == {1, 2}


def test_the_constant_schedule_is_constant(tmp_path):
    rows = spoiled_from_the_start(tmp_path, schedule="constant")
    assert {float(row["learning_rate"]) for row in rows} == {1e-2}


def test_an_unknown_schedule_is_named(tmp_path):
    with pytest.raises(FqssError, match="'linear' is unknown"):
        spoiled_from_the_start(tmp_path, schedule="linear")
