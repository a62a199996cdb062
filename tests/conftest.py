"""What all tests share: settings, and tiny .tflite models that keep the contract of real ones."""

import contextlib
import functools
import json
import logging
import os
import resource

import hypothesis
import pytest

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
# On one thread training is the same to the last bit: a resumed run can be compared exactly.
os.environ.setdefault("TF_NUM_INTRAOP_THREADS", "1")
os.environ.setdefault("TF_NUM_INTEROP_THREADS", "1")

# A busy machine is no error.
hypothesis.settings.register_profile("untimed", deadline=None)
hypothesis.settings.load_profile("untimed")

SEGMENT = 800
INT8_DESCRIPTION = {
    "format": 1,
    "sample_rate": 8000,
    "segment": SEGMENT,
    "hop": 8,
    "sources": ["speech_1", "speech_2"],
    "input_stages": 2,
    "output_stages": 2,
    "type": "int8",
    "method": "ptq",
    "network": "toy",
    "quantised_by": "test",
}
FLOAT_DESCRIPTION = INT8_DESCRIPTION | {"input_stages": 1, "output_stages": 1, "type": "float32"}


@pytest.fixture
def logged(caplog):
    """Function that returns the lines which the package has logged since its last call."""
    caplog.set_level(logging.INFO, "fqss_tf")

    def lines():
        records = [each for each in caplog.records if each.name.startswith("fqss_tf")]
        found = [record.getMessage() for record in records]
        caplog.clear()
        return found

    return lines


@pytest.fixture(scope="session")
def tiny_tflite(tmp_path_factory):
    """int8: source 1 of each stage is the input plane itself, half of it."""
    path = tmp_path_factory.mktemp("models") / "tiny.tflite"
    path.write_bytes(_with_description(_convert(stages=2, integer="int8"), INT8_DESCRIPTION))
    return path


@pytest.fixture(scope="session")
def tiny_int16_tflite(tmp_path_factory):
    """int16x8: source 1 is the mixture, source 2 half of it."""
    path = tmp_path_factory.mktemp("models") / "tiny_int16.tflite"
    description = FLOAT_DESCRIPTION | {"type": "int16x8"}
    path.write_bytes(_with_description(_convert(stages=1, integer="int16x8"), description))
    return path


@pytest.fixture(scope="session")
def tiny_float_tflite(tmp_path_factory):
    """float32: source 1 is the mixture, source 2 half of it."""
    path = tmp_path_factory.mktemp("models") / "tiny_float.tflite"
    path.write_bytes(_with_description(_convert(stages=1), FLOAT_DESCRIPTION))
    return path


@pytest.fixture(scope="session")
def causal_run():
    """A causal network of tiny sizes with random weights, calibrated once."""
    from fqss_tf.config import load_recipe
    from fqss_tf.runs.untrained import UntrainedRun

    sizes = {"filters": 32, "bottleneck": 8, "skip": 8, "hidden": 16, "blocks": 2, "repeats": 2}
    settings = [f"model.{name}={value}" for name, value in sizes.items()]
    run = UntrainedRun(load_recipe("two-voices-stream", [*settings, "data.segment_seconds=1"]))
    run.quantized_model = functools.cache(run.quantized_model)
    return run


@pytest.fixture(scope="session")
def causal_tflite(causal_run, tmp_path_factory):
    """int8, segments of a second."""
    from fqss_tf.export.convert import convert

    path = tmp_path_factory.mktemp("models") / "causal.tflite"
    convert(causal_run, path)
    return path


@pytest.fixture(scope="session")
def step_tflite(causal_run, tmp_path_factory):
    """The same network as a streaming model of 16 ms."""
    from fqss_tf.export.convert import convert

    path = tmp_path_factory.mktemp("models") / "step.tflite"
    convert(causal_run, path, stream=True)
    return path


TOY_CARD = """# toy

| | |
|---|---|
| task | two toys |
| SI-SDR improvement | 12.50 dB |
| data | noise (CC0) |
"""


@pytest.fixture(scope="session")
def toys(tiny_tflite, untrained, tmp_path_factory):
    """(folder of shipped models, run of ``toy``)."""
    import dataclasses

    from fqss_tf.runs.weights import save_weights

    folder, run = tmp_path_factory.mktemp("tflite_models"), untrained()
    for name in ("toy", "plain"):
        (folder / f"{name}.tflite").write_bytes(tiny_tflite.read_bytes())
        (folder / f"{name}.md").write_text(TOY_CARD)
    (folder / "toy.json").write_text(json.dumps({"recipe": dataclasses.asdict(run.recipe)}))
    save_weights(run.float_model(), folder / "toy.npz")
    return folder, run


@pytest.fixture
def toy_ships(toys, monkeypatch):
    """The run of ``toy``, which ships with its float weights; ``plain`` ships without."""
    from fqss_tf.tflite import shipped

    folder, run = toys
    monkeypatch.setattr(shipped, "FOLDER", folder)
    return run


@pytest.fixture(scope="session")
def foreign_tflite(tmp_path_factory):
    """A good .tflite that says nothing about fqss."""
    path = tmp_path_factory.mktemp("models") / "foreign.tflite"
    path.write_bytes(_convert(stages=1))
    return path


@pytest.fixture(scope="session")
def mixed_tflite(tmp_path_factory):
    """float32: two ways through XNNPACK around a CUMSUM, which it has not, and one way past it."""
    import tensorflow as tf

    @tf.function(input_signature=[tf.TensorSpec([1, 1, 16, 4])])
    def network(signal):
        left = tf.tanh(tf.sin(signal))
        total = tf.cumsum(left, axis=2)
        return tf.nn.relu(left * total), tf.nn.sigmoid(signal)

    path = tmp_path_factory.mktemp("models") / "mixed.tflite"
    converter = tf.lite.TFLiteConverter.from_concrete_functions([network.get_concrete_function()])
    path.write_bytes(converter.convert())
    return path


@pytest.fixture(scope="session")
def unknown_op_tflite(foreign_tflite, tmp_path_factory):
    """A good file but for an op that no LiteRT has."""
    from ai_edge_litert import schema_py_generated as schema

    from fqss_tf.tflite.flatbuffer import pack_model, read_model

    model = read_model(foreign_tflite.read_bytes())
    code = model.operatorCodes[0]
    code.builtinCode = code.deprecatedBuiltinCode = schema.BuiltinOperator.CUSTOM
    code.customCode = b"NoSuchOp"
    path = tmp_path_factory.mktemp("models") / "unknown_op.tflite"
    path.write_bytes(pack_model(model))
    return path


@pytest.fixture(scope="session")
def small_files_only():
    """Within this context no file may grow over 10 kB, as if the disk were full.

    A context and not the whole test, because pytest's own output may go to a file that is longer.
    """

    @contextlib.contextmanager
    def limit():
        limits = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, limits[1]))
        try:
            yield
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, limits)

    return limit


@pytest.fixture(scope="session")
def float_description():
    """What ``tiny_float_tflite`` says about itself."""
    return FLOAT_DESCRIPTION


@pytest.fixture(scope="session")
def with_description():
    """Function (bytes of a .tflite, description) -> bytes of a .tflite that carries it."""
    return _with_description


def _with_description(model, description):
    """Adds the metadata buffer ``fqss`` to the bytes of a .tflite."""
    import flatbuffers
    from ai_edge_litert import schema_py_generated as schema

    unpacked = schema.ModelT.InitFromPackedBuf(model)
    buffer = schema.BufferT()
    buffer.data = list(json.dumps(description).encode())
    unpacked.buffers.append(buffer)
    entry = schema.MetadataT()
    entry.name, entry.buffer = "fqss", len(unpacked.buffers) - 1
    unpacked.metadata = [*(unpacked.metadata or []), entry]
    builder = flatbuffers.Builder(len(model))
    builder.Finish(unpacked.Pack(builder), file_identifier=b"TFL3")
    return bytes(builder.Output())


def _convert(stages, integer=None):
    import numpy as np
    import tensorflow as tf

    kernel = np.zeros((1, 1, stages, 2 * stages), np.float32)
    for stage in range(stages):
        kernel[0, 0, stage, 2 * stage] = 1.0
        kernel[0, 0, stage, 2 * stage + 1] = 0.5

    class Toy(tf.Module):
        @tf.function(input_signature=[tf.TensorSpec((1, 1, SEGMENT, stages), name="mixture")])
        def __call__(self, mixture):
            channels = tf.nn.conv2d(mixture, kernel, 1, "VALID")
            sources = tf.transpose(channels, (0, 3, 2, 1))
            return {f"stage_{k}": sources[:, 2 * k : 2 * k + 2] for k in range(stages)}

    def representative_data():
        # From -1 to 127/128 in every plane: exactly 255 steps of 1/128, with zero point 0.
        samples = np.full((1, 1, SEGMENT, stages), 127 / 128, np.float32)
        samples[0, 0, ::2] = -1.0
        yield [samples]

    toy = Toy()
    converter = tf.lite.TFLiteConverter.from_concrete_functions(
        [toy.__call__.get_concrete_function()], toy
    )
    if integer:
        ops, io_type = {
            "int8": (tf.lite.OpsSet.TFLITE_BUILTINS_INT8, tf.int8),
            "int16x8": (
                tf.lite.OpsSet.EXPERIMENTAL_TFLITE_BUILTINS_ACTIVATIONS_INT16_WEIGHTS_INT8,
                tf.int16,
            ),
        }[integer]
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
        converter.representative_dataset = representative_data
        converter.target_spec.supported_ops = [ops]
        converter.inference_input_type = converter.inference_output_type = io_type
    return converter.convert()


TINY_RECIPE = (
    "model.filters=64", "model.bottleneck=8", "model.skip=8", "model.hidden=16",
    "model.blocks=2", "model.repeats=1", "data.segment_seconds=0.5",
)


@pytest.fixture(scope="session")
def untrained():
    """Function (further settings) -> UntrainedRun of a tiny network with random weights: what it
    separates means nothing."""
    from fqss_tf.config import load_recipe
    from fqss_tf.runs.untrained import UntrainedRun

    return lambda *settings: UntrainedRun(load_recipe("two-voices", (*TINY_RECIPE, *settings)))


@pytest.fixture(scope="session")
def tflite_files(untrained, tmp_path_factory):
    """(float32 file, post-training int8 file, int8 file with splitter and combiner)."""
    from fqss_tf.export.convert import convert

    run, folder = untrained(), tmp_path_factory.mktemp("files")
    paths = [folder / f"{name}.tflite" for name in ("float", "ptq", "split")]
    convert(run, paths[0], "float32")
    convert(run, paths[1], "int8", ptq=True)
    convert(run, paths[2], "int8")
    return paths


@pytest.fixture(scope="session")
def stereo_run(tmp_path_factory):
    """Run folder of a small ConvTasNet for music, imported from a checkpoint of demucs v2."""
    from pathlib import Path

    from fqss_tf.importing.importer import import_checkpoint

    folder = tmp_path_factory.mktemp("stereo") / "run"
    checkpoint = Path(__file__).parent / "fixtures/checkpoints/demucsv2_tasnet_a.th"
    settings = ["data.segment_seconds=0.1", "quantization.calibration_steps=4"]
    import_checkpoint(checkpoint, folder, settings=settings)
    return folder


@pytest.fixture(scope="session")
def stereo_files(stereo_run, tmp_path_factory):
    """(float32 file, int8 file with two planes each way) of it, for segments of 0.1 s."""
    from fqss_tf.export.convert import convert
    from fqss_tf.runs.run import Run

    folder = tmp_path_factory.mktemp("stereo_files")
    paths = folder / "float.tflite", folder / "int8.tflite"
    convert(Run(stereo_run), paths[0], "float32")
    # Random weights: the limit of trained ones is in export/convert.py.
    convert(Run(stereo_run), paths[1], ptq=True, planes=2, least_sqnr=15)
    return paths


@pytest.fixture(scope="session")
def spleeter_run(tmp_path_factory):
    """Run folder of a small Spleeter with random weights, imported from a TensorFlow checkpoint."""
    from spleeter_checkpoint import tensors, write_checkpoint

    from fqss_tf.importing.importer import import_checkpoint

    folder = tmp_path_factory.mktemp("spleeter")
    (folder / "checkpoint").mkdir()
    import_checkpoint(
        write_checkpoint(folder / "checkpoint", tensors()), folder / "run",
        arguments={"frame_length": 256, "frame_step": 64, "F": 64},
        settings=["data.segment_seconds=0.1", "quantization.calibration_steps=4"],
    )
    return folder / "run"


@pytest.fixture(scope="session")
def spleeter_files(spleeter_run, tmp_path_factory):
    """(float32 file, int8 file with two planes each way) of it, for segments of 64 frames."""
    from fqss_tf.export.convert import convert
    from fqss_tf.runs.run import Run

    folder = tmp_path_factory.mktemp("spleeter_files")
    paths = folder / "float.tflite", folder / "int8.tflite"
    convert(Run(spleeter_run), paths[0], "float32")
    # Random weights: the limit of trained ones is in export/convert.py.
    convert(Run(spleeter_run), paths[1], ptq=True, planes=2, least_sqnr=10)
    return paths
