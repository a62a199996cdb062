import dataclasses
import json
import math

import numpy as np
import pytest

from fqss_tf.config import load_recipe
from fqss_tf.data.recipe_data import fixed_mixtures
from fqss_tf.errors import FqssError
from fqss_tf.export.convert import convert, parity_refusal
from fqss_tf.export.parity import Parity
from fqss_tf.runs.untrained import UntrainedRun
from fqss_tf.runtime.engine import Engine
from fqss_tf.runtime.planes import split
from fqss_tf.tflite import TfliteFile
from fqss_tf.tflite.op_report import conversion_ops, float_tensors
from fqss_tf.training.stages import train

TINY = (
    "model.filters=32", "model.bottleneck=16", "model.skip=16", "model.hidden=32",
    "model.blocks=2", "model.repeats=1", "data.segment_seconds=1", "float.steps=4",
    "float.batch_size=2", "float.evaluate_every=4", "quantization.calibration_steps=3",
    "qat.steps=2",
    "qat.batch_size=2", "qat.evaluate_every=2",
)


@pytest.fixture(scope="module", params=["batch-relu", "global-prelu"])
def run(request, tmp_path_factory):
    norm, activation = request.param.split("-")
    settings = (*TINY, f"model.norm={norm}", f"model.activation={activation}")
    return train(load_recipe("two-voices", settings), tmp_path_factory.mktemp("run") / norm)


@pytest.fixture(scope="module")
def converted(run, tmp_path_factory):
    path = tmp_path_factory.mktemp("converted") / "model.tflite"
    return path, convert(run, path, least_sqnr=0)


def test_int8_has_no_float_tensor_and_waveform_scales(converted):
    path, _ = converted
    report = TfliteFile.open(path).report
    assert float_tensors(report) == [] and conversion_ops(report) == []
    assert len(report.inputs) == 1 and len(report.outputs) == 2
    for tensor in (*report.inputs, *report.outputs):
        assert (tensor.dtype, tensor.scale, tensor.zero_point) == ("int8", 1 / 128, 0)


def test_int8_weights_are_per_channel(converted):
    path, _ = converted
    kernels = [
        op.inputs[1]
        for op in TfliteFile.open(path).report.ops
        if op.name in ("CONV_2D", "DEPTHWISE_CONV_2D") and op.outputs[0].shape[-1] > 1
    ]
    assert len(kernels) > 8
    assert all(kernel.per_channel for kernel in kernels)


def test_sidecar_tells_the_file_apart(converted):
    path, made = converted
    stored = json.loads(path.with_suffix(".json").read_text())
    assert stored == json.loads(json.dumps(made.to_dict()))
    assert stored["sha256"] == TfliteFile.open(path).sha256
    assert list(stored) == [
        "model", "type", "method", "sha256", "bytes", "segment", "conversion_seconds", "parity",
        "recipe", "report",
    ]
    assert stored["bytes"] == path.stat().st_size
    assert set(stored["parity"]) == {"reference", "xnnpack"}


def test_integers_follow_the_simulation_on_speech(run, converted):
    path, _ = converted
    model = run.quantized_model()
    engine = Engine(path, reference_kernels=True)
    mixture, _ = fixed_mixtures(run.recipe, "test")[0]
    segment = mixture[: engine.metadata.segment] / np.abs(mixture).max()
    expected = model.predict_on_batch(segment[None, None, :, None])[0, ..., 0]
    error = engine.forward(segment) - np.clip(expected, -1, 1)
    # Rounding that differs once grows through the layers; beyond a few steps of the first stage
    # something else is wrong.
    assert np.abs(error).mean() < 1 / 128


def test_output_is_the_16_bit_sum_of_its_stages(converted):
    engine = Engine(converted[0])
    segment = np.sin(np.arange(engine.metadata.segment) / 9).astype(np.float32) * 0.9
    high, low = (stage.astype(int) for stage in engine.run_planes(split(segment, 2)))
    assert np.array_equal(engine.forward(segment) * 2**15, (high << 8) + low + 128)


def test_a_file_too_far_from_keras_is_not_kept(run, tmp_path):
    with pytest.raises(FqssError, match="below the limit of 500 dB"):
        convert(run, tmp_path / "model.tflite", "float32", least_sqnr=500)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("kind", ["float32", "float16", "dynamic", "int16x8"])
def test_other_types_run_and_follow_keras(run, kind, tmp_path):
    # An untrained net with gLN is at 29 dB in 16 bits, just below what convert demands.
    least = 20 if kind == "int16x8" and run.recipe.model.norm == "global" else None
    made = convert(run, tmp_path / "model.tflite", kind, least_sqnr=least)
    engine = Engine(tmp_path / "model.tflite")
    assert engine.metadata.type == kind
    assert np.isfinite(engine.forward(np.zeros(engine.metadata.segment, np.float32))).all()
    assert made.metadata.method == "float"


def test_post_training_int8_is_fully_integer(run, tmp_path):
    made = convert(run, tmp_path / "model.tflite", ptq=True, least_sqnr=0)
    assert made.metadata.method == "ptq"
    assert Engine(tmp_path / "model.tflite").metadata.input_planes == 1


def test_unknown_type_and_wrong_combination_are_refused(run, tmp_path):
    with pytest.raises(FqssError, match="int8, float32"):
        convert(run, tmp_path / "model.tflite", "int4")
    with pytest.raises(FqssError, match="--ptq"):
        convert(run, tmp_path / "model.tflite", "float16", ptq=True)


def test_int16_norms_that_would_overflow_are_refused(tmp_path):
    run = UntrainedRun(load_recipe("convtasnet"))
    with pytest.raises(FqssError, match="global layer norm over 512000 values overflows"):
        convert(run, tmp_path / "m.tflite", "int16x8", seconds=1.0)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("kernels", ["reference", "xnnpack"])
@pytest.mark.parametrize("figure, bad, message", [
    ("sqnr_db", 29.9, "its SQNR to the Keras model is 29.9 dB"),
    ("si_sdr_difference_db", -0.2, "SI-SDR is 0.20 dB below"),
    ("sqnr_db", math.nan, "its SQNR to the Keras model is nan dB"),
    ("si_sdr_difference_db", math.nan, "SI-SDR is nan dB below"),
])
def test_both_kernel_sets_are_held_to_the_simulation(kernels, figure, bad, message):
    good = Parity(sqnr_db=31.0, si_sdr_difference_db=-0.05)
    parity = {"reference": good, "xnnpack": good}
    assert parity_refusal(parity, 30.0, 0.1) is None
    parity[kernels] = dataclasses.replace(good, **{figure: bad})
    refusal = parity_refusal(parity, 30.0, 0.1)
    assert f"with {kernels} kernels" in refusal and message in refusal


@pytest.mark.parametrize("name", ["model.json", "model.int8", "model"])
def test_a_file_of_another_ending_is_refused(run, tmp_path, name):
    with pytest.raises(FqssError, match=f"{name}: its name must end in .tflite"):
        convert(run, tmp_path / name, "float32")
    assert not list(tmp_path.iterdir())


def test_no_file_is_made_where_its_description_cannot_be(run, tmp_path):
    (tmp_path / "model.json").mkdir()
    with pytest.raises(FqssError, match="model.json: a folder has this name"):
        convert(run, tmp_path / "model.tflite", "float32")
    assert [path.name for path in tmp_path.iterdir()] == ["model.json"]
