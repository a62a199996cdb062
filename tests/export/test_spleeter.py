"""A network over spectrograms as .tflite: float32 runs as Keras does, int8 in integers alone."""

import json

import numpy as np
import pytest
import tf_keras as keras
from spleeter_checkpoint import tensors, write_checkpoint

from fqss_tf.config import load_recipe
from fqss_tf.errors import FqssError
from fqss_tf.export.convert import convert
from fqss_tf.importing.importer import import_checkpoint
from fqss_tf.quantization import wrap
from fqss_tf.runs.run import Run
from fqss_tf.runs.untrained import UntrainedRun
from fqss_tf.runtime.spectrogram_engine import SpectrogramEngine
from fqss_tf.tflite import TfliteFile
from fqss_tf.tflite.op_report import conversion_ops, float_tensors

SMALL = (
    "model.filters=2", "model.kernel=256", "model.hop=64", "model.bins=64",
    "data.segment_seconds=0.1", "quantization.calibration_steps=2",
)


def parity_of(path):
    return json.loads(path.with_suffix(".json").read_text())["parity"]


def test_float32_runs_as_keras_does(spleeter_files):
    for kernels in ("reference", "xnnpack"):
        assert parity_of(spleeter_files[0])[kernels]["sqnr_db"] >= 80


def test_int8_is_fully_integer(spleeter_files):
    report = TfliteFile.open(spleeter_files[1]).report
    assert float_tensors(report) == [] and conversion_ops(report) == []
    names = {op.name for op in report.ops}
    assert not names & {"LEAKY_RELU", "TRANSPOSE_CONV", "DEPTH_TO_SPACE", "DEQUANTIZE"}
    assert {tensor.name for tensor in report.outputs} == {"stage_0", "stage_1"}
    for tensor in (*report.inputs, *report.outputs):
        assert (tensor.dtype, tensor.scale, tensor.zero_point) == ("int8", 1 / 128, 0)


def test_int8_follows_the_simulation_with_both_kernel_sets(spleeter_files):
    for kernels in ("reference", "xnnpack"):
        found = parity_of(spleeter_files[1])[kernels]
        assert found["sqnr_db"] >= 20 and abs(found["si_sdr_difference_db"]) <= 0.1


def test_the_first_integers_are_those_of_the_simulation(spleeter_run):
    """Where nothing has had time to grow, hardly a code differs: LeakyReLU, shift and planes."""
    from ai_edge_litert.interpreter import Interpreter, OpResolverType

    from fqss_tf.export.graphs import convert_int8_function, mixture_spec, waveform_planes
    from fqss_tf.types import Planes

    run = Run(spleeter_run)
    model = run.post_training_model(Planes(2, 2))
    wrap.set_mode(model, "deploy")
    names = ["stem_0_added_1", "stem_0_offset_1", "stem_0_down_1"]
    core = keras.Model(
        model.get_layer("splitter").output, [model.get_layer(name).output for name in names]
    )
    content = convert_int8_function(
        lambda heard: dict(zip(names, core(waveform_planes(heard)), strict=True)),
        model, mixture_spec((1, 64, 64, 4)),
    )
    codes = np.random.default_rng(0).integers(-128, 128, (1, 64, 64, 4)).astype(np.int8)
    expected = core(codes.astype(np.float32) / 128)
    # XNNPACK rounds as the simulation does. The reference kernels double-round what they rescale.
    for kernels, most in ((OpResolverType.AUTO, 0.0), (OpResolverType.BUILTIN_REF, 0.01)):
        engine = Interpreter(model_content=content, experimental_op_resolver_type=kernels)
        engine.allocate_tensors()
        signature = engine.get_signature_runner("serving_default")
        given = signature(mixture=codes)
        details = signature.get_output_details()
        scale, zero_point = details["stem_0_offset_1"]["quantization"]
        read = (given["stem_0_offset_1"].astype(np.float32) - zero_point) * np.float32(scale)
        # The last op is judged by what it read: a code that differs before it counts there.
        behind = model.get_layer("stem_0_down_1")(read, training=False)
        for name, wanted in zip(names, [*expected[:2], behind], strict=True):
            scale, zero_point = details[name]["quantization"]
            difference = (given[name].astype(float) - zero_point) - wanted.numpy() / scale
            assert np.mean(np.abs(difference) > 0.5) <= most, name
            assert abs(difference.mean()) < 0.01, name


def test_segments_are_independent(spleeter_files):
    engine = SpectrogramEngine(spleeter_files[1])
    first, second = np.random.default_rng(0).uniform(0, 0.5, (2, 64, 64, 2)).astype(np.float32)
    logits = engine.logits(first)
    assert np.abs(engine.logits(second) - logits).max() > 0
    np.testing.assert_array_equal(engine.logits(first), logits)


def test_one_plane_each_way_converts_too(spleeter_run, tmp_path):
    made = convert(Run(spleeter_run), tmp_path / "one.tflite", ptq=True, least_sqnr=5)
    assert made.metadata.input_planes == made.metadata.output_planes == 1
    logits = SpectrogramEngine(made.path).logits(np.full((64, 64, 2), 0.3, np.float32))
    np.testing.assert_array_equal(logits * 128, np.round(logits * 128))


def test_longer_segments_hear_more_frames(spleeter_run, tmp_path):
    made = convert(Run(spleeter_run), tmp_path / "long.tflite", "float32", seconds=0.2)
    assert made.metadata.spectrogram.frames == 128


@pytest.mark.parametrize("stems", [4, 5])
def test_networks_with_elu_convert_too(stems, tmp_path):
    (tmp_path / "checkpoint").mkdir()
    write_checkpoint(tmp_path / "checkpoint", tensors(stems))
    import_checkpoint(
        tmp_path / "checkpoint", tmp_path / "run",
        arguments={"frame_length": 256, "frame_step": 64, "F": 64},
        settings=["data.segment_seconds=0.1", "quantization.calibration_steps=2"],
    )
    run = Run(tmp_path / "run")
    made = convert(run, tmp_path / "float.tflite", "float32")
    assert made.parity["xnnpack"].sqnr_db >= 80 and len(made.metadata.sources) == stems
    assert made.metadata.spectrogram.masks == ("softmax" if stems == 5 else "sigmoid")
    sound = np.random.default_rng(0).uniform(-0.5, 0.5, 9000).astype(np.float32)
    expected = SpectrogramEngine(made.path).forward(sound)
    assert expected.shape == (stems, 9000)

    made = convert(run, tmp_path / "int8.tflite", ptq=True, planes=2)  # with the usual limits
    report = TfliteFile.open(made.path).report
    assert float_tensors(report) == [] and conversion_ops(report) == []
    error = SpectrogramEngine(made.path).forward(sound) - expected
    assert 10 * np.log10(np.sum(expected**2) / np.sum(error**2)) >= 20


def test_a_recipe_without_weights_converts(tmp_path):
    run = UntrainedRun(load_recipe("spleeter-2stems", SMALL))
    made = convert(run, tmp_path / "untrained.tflite")
    assert made.metadata.method == "untrained" and made.metadata.spectrogram.frames == 64


def test_a_limit_that_is_missed_leaves_no_file(spleeter_run, tmp_path):
    with pytest.raises(FqssError, match="is not kept: with reference kernels its SQNR to"):
        convert(Run(spleeter_run), tmp_path / "x.tflite", ptq=True, planes=2, least_sqnr=90)
    assert list(tmp_path.iterdir()) == []


def test_ranges_are_measured_on_a_folder(spleeter_run, spleeter_files, tmp_path):
    import soundfile

    (tmp_path / "songs").mkdir()
    with pytest.raises(FqssError, match="holds no audio files"):
        convert(Run(spleeter_run), tmp_path / "x.tflite", ptq=True, planes=2,
                calibration=tmp_path / "songs")
    sound = np.random.default_rng(0).uniform(-1, 1, (9000, 2))
    soundfile.write(tmp_path / "songs/a.wav", sound, 44100)
    made = convert(Run(spleeter_run), tmp_path / "x.tflite", ptq=True, planes=2,
                   calibration=tmp_path / "songs", least_sqnr=5)
    heard = np.full((64, 64, 2), 0.3, np.float32)
    assert np.abs(
        SpectrogramEngine(made.path).logits(heard)
        - SpectrogramEngine(spleeter_files[1]).logits(heard)
    ).max() > 0
