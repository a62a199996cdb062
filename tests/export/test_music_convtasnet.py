"""The ConvTasNet for music as .tflite: float32 runs as Keras does, int8 in integers alone."""

import json

import numpy as np
import pytest

from fqss_tf.config import load_recipe
from fqss_tf.errors import FqssError
from fqss_tf.export.convert import convert
from fqss_tf.runs.run import Run
from fqss_tf.runs.untrained import UntrainedRun
from fqss_tf.tflite import TfliteFile
from fqss_tf.tflite.kernel_comparison import compare_kernels
from fqss_tf.tflite.op_report import conversion_ops, float_tensors

SMALL = (
    "model.filters=16", "model.bottleneck=8", "model.hidden=8", "model.blocks=2",
    "model.repeats=1", "data.segment_seconds=0.1",
)


def parity_of(path):
    return json.loads(path.with_suffix(".json").read_text())["parity"]


def test_float32_runs_as_keras_does(stereo_files):
    for kernels in ("reference", "xnnpack"):
        assert parity_of(stereo_files[0])[kernels]["sqnr_db"] >= 80


def test_int8_is_fully_integer_and_follows_the_simulation(stereo_files):
    report = TfliteFile.open(stereo_files[1]).report
    assert float_tensors(report) == [] and conversion_ops(report) == []
    for tensor in (*report.inputs, *report.outputs):
        assert (tensor.dtype, tensor.scale, tensor.zero_point) == ("int8", 1 / 128, 0)
    # Weights are random: the reference kernels round single values otherwise, which layers blow up.
    for kernels, least in (("reference", 15), ("xnnpack", 25)):
        assert parity_of(stereo_files[1])[kernels]["sqnr_db"] >= least


def test_kernel_sets_part_by_single_codes_alone(stereo_files):
    file = TfliteFile.open(stereo_files[1])
    (mixture,) = file.report.inputs
    codes = np.random.default_rng(0).integers(-60, 61, mixture.shape).astype(np.int8)
    differences = compare_kernels(file, {mixture.name: codes})
    assert len(differences) > 50
    for op in differences:
        assert op.largest <= 1 and op.sqnr_db > 35, op


def test_the_file_says_that_it_takes_two_channels(stereo_files):
    file = TfliteFile.open(stereo_files[1])
    assert (file.metadata.channels, file.metadata.hears_stereo) == (2, True)
    assert not file.metadata.takes_int16
    (mixture,) = file.report.inputs
    assert tuple(mixture.shape) == (1, 1, 4410, 4)
    assert {tuple(output.shape) for output in file.report.outputs} == {(1, 4, 4410, 2)}


@pytest.mark.parametrize("name", ["music-convtasnet", "music-convtasnet-mobile"])
def test_a_recipe_without_weights_converts(name, tmp_path):
    run = UntrainedRun(load_recipe(name, SMALL))
    made = convert(run, tmp_path / "model.tflite", "float32")
    assert made.parity["xnnpack"].sqnr_db >= 80
    assert made.metadata.sources == ("drums", "bass", "other", "vocals")


def test_other_types_and_streams_are_refused(stereo_run, tmp_path):
    run = Run(stereo_run)
    with pytest.raises(FqssError, match="int16x8 is refused"):
        convert(run, tmp_path / "model.tflite", "int16x8")
    with pytest.raises(FqssError, match="needs a causal network"):
        convert(run, tmp_path / "model.tflite", ptq=True, stream=True)
    assert list(tmp_path.iterdir()) == []
