"""The dual-path networks as .tflite: float32 runs as Keras does, int8 as its simulation."""

import numpy as np
import pytest

from fqss_tf.config import load_recipe
from fqss_tf.errors import FqssError
from fqss_tf.export.convert import convert
from fqss_tf.runs.untrained import UntrainedRun
from fqss_tf.runtime.engine import Engine
from fqss_tf.tflite import TfliteFile
from fqss_tf.tflite.op_report import conversion_ops, float_tensors

SMALL = ("model.filters=32", "model.chunk=10", "model.blocks=1")
RECIPES = {
    "sepformer-mobile": (
        "model.width=8", "model.intra_layers=1", "model.inter_layers=1", "model.feed_forward=8",
    ),
    "dptnet-mobile": ("model.width=8", "model.hidden=4"),
    "dprnn-mobile": ("model.width=8", "model.hidden=4", "model.chunk_hop=5"),
    # Three rows of chunks: one of their sums is an inner tensor. It keeps the LSTM op.
    "dptnet-asteroid-mobile": ("model.hidden=4", "model.chunk_hop=4", "model.lstm=op"),
}
SECONDS = 0.125
# Untrained networks separate noise into noise: the limit for trained ones is in export/convert.py.
# Measured: 22 to 31 dB.
LEAST_SQNR = 18


def untrained(name):
    return UntrainedRun(load_recipe(name, (*SMALL, *RECIPES[name])))


@pytest.mark.parametrize("name", ["sepformer-mobile", "dptnet-mobile"])
def test_float32_runs_as_keras_does(name, tmp_path):
    made = convert(untrained(name), tmp_path / "model.tflite", "float32", seconds=0.25)
    for kernels in ("reference", "xnnpack"):
        assert made.parity[kernels].sqnr_db >= 80


@pytest.mark.parametrize("name", [
    "dptnet-mobile",
    pytest.param("sepformer-mobile", marks=pytest.mark.slow),
    pytest.param("dprnn-mobile", marks=pytest.mark.slow),
    pytest.param("dptnet-asteroid-mobile", marks=pytest.mark.slow),
])
def test_int8_is_fully_integer_and_follows_the_simulation(name, tmp_path):
    path = tmp_path / "model.tflite"
    made = convert(untrained(name), path, seconds=SECONDS, least_sqnr=LEAST_SQNR)
    report = TfliteFile.open(path).report
    assert float_tensors(report) == [] and conversion_ops(report) == []
    assert all(op.name != "RELU" for op in report.ops)
    assert made.parity["xnnpack"].sqnr_db >= LEAST_SQNR

    engine = Engine(path)
    first, second = np.random.default_rng(0).uniform(
        -1, 1, (2, engine.metadata.segment)
    ).astype(np.float32)
    estimates = engine.forward(first)
    assert np.abs(engine.forward(second) - estimates).max() > 0
    np.testing.assert_array_equal(engine.forward(first), estimates)  # nothing is left of another


def test_16_bits_are_refused(tmp_path):
    with pytest.raises(FqssError, match="only convtasnet"):
        convert(untrained("dprnn-mobile"), tmp_path / "model.tflite", "int16x8", seconds=0.25)
    assert list(tmp_path.iterdir()) == []
