"""HTDemucs as .tflite: float32 and int8 run as Keras does, with the transform outside the file."""

import json
from pathlib import Path

import numpy as np
import pytest

from fqss_tf.config import load_recipe
from fqss_tf.errors import FqssError
from fqss_tf.export.convert import convert
from fqss_tf.formats import FILE_TYPES
from fqss_tf.importing.importer import import_checkpoint
from fqss_tf.models.inference import hybrid_function
from fqss_tf.runs.run import Run
from fqss_tf.runs.untrained import UntrainedRun
from fqss_tf.runtime import Separator
from fqss_tf.runtime.engine import Engine
from fqss_tf.runtime.hybrid_engine import HybridEngine
from fqss_tf.runtime.stereo_engine import StereoEngine
from fqss_tf.tflite.file import TfliteFile
from fqss_tf.tflite.kernel_comparison import compare_kernels
from fqss_tf.tflite.op_report import conversion_ops, float_tensors

FIXTURES = Path(__file__).parents[1] / "fixtures"
RATE = 8000
SMALL = (
    "model.filters=8", "model.kernel=256", "model.hop=64", "model.depth=2", "model.compression=2",
    "model.width=8", "model.layers=2", "model.heads=2", "model.feed_forward=8",
    "data.sample_rate=8000", "data.segment_seconds=0.25",
)


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("hybrid") / "run"
    import_checkpoint(FIXTURES / "checkpoints/demucs_htdemucs_a_half.th", folder)
    return Run(folder)


@pytest.fixture(scope="module")
def made(run, tmp_path_factory):
    return convert(run, tmp_path_factory.mktemp("hybrid") / "model.tflite", "float32")


def test_float32_runs_as_keras_does(made):
    for kernels in ("reference", "xnnpack"):
        assert made.parity[kernels].sqnr_db >= 80


def test_the_file_gives_the_output_of_the_published_network(made):
    recorded = np.load(FIXTURES / "demucs_htdemucs_a_half_expected.npz")
    given = HybridEngine(made.path).forward(recorded["input"][0].T).transpose(0, 2, 1)
    error = np.abs(given - recorded["output"][0]).max()
    assert error <= 1e-5 * np.abs(recorded["output"]).max()


def test_the_file_says_what_it_hears(made):
    metadata = made.metadata
    assert (metadata.transform, metadata.hop, metadata.channels) == (512, 128, 2)
    assert metadata.hears_stereo and metadata.segment == 4000
    assert {tensor.name: tuple(tensor.shape) for tensor in made.report.inputs} == {
        "mixture": (1, 1, 4000, 2), "spectrogram": (1, 256, 32, 4),
    }
    assert {tensor.name: tuple(tensor.shape) for tensor in made.report.outputs} == {
        "stage_0": (1, 1, 4000, 8), "spectra_0": (1, 256, 32, 16),
    }


def test_it_needs_no_op_beyond_the_built_in_ones(made):
    assert not {op.name for op in made.report.ops if op.name.startswith(("CUSTOM", "Flex"))}


def test_songs_of_any_length_become_stems(made):
    separator = Separator(made.path)
    rng = np.random.default_rng(0)
    for samples, channels in ((9000, 2), (100, 2), (5000, 1)):
        size = (samples, channels) if channels > 1 else samples
        found = separator(rng.uniform(-0.3, 0.3, size).astype(np.float32), RATE)
        assert list(found) == ["drums", "bass", "other", "vocals"]
        for stem in found.values():
            assert stem.shape == ((samples, 2) if channels > 1 else (samples,))
            assert np.isfinite(stem).all() and stem.any()


def test_one_channel_is_heard_in_both(made):
    engine = HybridEngine(made.path)
    segment = np.random.default_rng(0).uniform(-1, 1, 4000).astype(np.float32)
    both = engine.forward(np.stack([segment, segment], axis=1))
    np.testing.assert_array_equal(engine.forward(segment), both.mean(axis=2))


def test_other_engines_refuse_it_and_it_refuses_others(made, stereo_files):
    with pytest.raises(FqssError, match="a model of two channels"):
        Engine(made.path)
    with pytest.raises(FqssError, match="a model over samples and a spectrogram"):
        StereoEngine(made.path)
    with pytest.raises(FqssError, match="a model over samples alone"):
        HybridEngine(stereo_files[0])


@pytest.mark.parametrize("file_type", sorted(set(FILE_TYPES) - {"float32", "int8"}))
def test_other_types_are_refused_in_one_line(file_type, run, tmp_path):
    with pytest.raises(FqssError, match=f"{file_type} is refused: .* use float32"):
        convert(run, tmp_path / "model.tflite", file_type)
    assert list(tmp_path.iterdir()) == []


@pytest.fixture(scope="module", params=[1, 2])
def planes(request):
    return request.param


@pytest.fixture(scope="module")
def small(planes):
    settings = (f"quantization.{way}_planes={planes}" for way in ("input", "output"))
    return UntrainedRun(load_recipe("htdemucs-mobile", (*SMALL, *settings)))


@pytest.fixture(scope="module")
def int8(small, tmp_path_factory):
    return convert(small, tmp_path_factory.mktemp("int8") / "model.tflite", "int8")


@pytest.fixture(scope="module")
def mixture(small):
    samples, _ = small.mixtures("test")[0]
    return np.stack([samples[:2000], samples[2000:4000]], axis=1)


def test_int8_is_fully_integer(int8, planes):
    report = int8.report
    assert float_tensors(report) == [] and conversion_ops(report) == []
    assert not {op.name for op in report.ops if op.name.startswith(("CUSTOM", "Flex"))}
    for tensor in (*report.inputs, *report.outputs):
        assert (tensor.dtype, tensor.scale, tensor.zero_point) == ("int8", 1 / 128, 0)
    assert {tensor.name: tuple(tensor.shape) for tensor in report.inputs} == {
        "mixture": (1, 1, 2000, 2 * planes), "spectrogram": (1, 128, 32, 4 * planes),
    }
    shapes = {"stage": (1, 1, 2000, 8), "spectra": (1, 128, 32, 16)}
    assert {tensor.name: tuple(tensor.shape) for tensor in report.outputs} == {
        f"{kind}_{plane}": shape for kind, shape in shapes.items() for plane in range(planes)
    }


def test_int8_follows_the_simulation(int8):
    # Weights are random: where a rounding differs, layers blow it up.
    for kernels, least in (("reference", 12), ("xnnpack", 15)):
        assert int8.parity[kernels].sqnr_db >= least


def test_kernel_sets_part_by_single_codes_alone(int8):
    file = TfliteFile.open(int8.path)
    rng = np.random.default_rng(0)
    codes = {
        tensor.name: rng.integers(-60, 61, tensor.shape).astype(np.int8)
        for tensor in file.report.inputs
    }
    differences = compare_kernels(file, codes)
    assert len(differences) > 300
    for op in differences:
        assert op.largest <= 1 and op.sqnr_db > 35, op
    exact = {"GELU", "LOGISTIC", "SOFTMAX", "RSQRT", "TRANSPOSE"}
    assert exact <= {op.name for op in differences}
    assert all(op.largest == 0 for op in differences if op.name in exact)


def test_int8_is_near_the_float_network(int8, small, mixture):
    expected = hybrid_function(small.folded_model(), small.config.kernel)(mixture)
    given = HybridEngine(int8.path).forward(mixture)
    sqnr = 10 * np.log10(np.sum(expected**2) / np.sum((given - expected) ** 2))
    assert sqnr >= 10  # measured: 17 dB, with random weights


def test_the_file_says_what_full_scale_stands_for(int8, planes):
    metadata = int8.metadata
    assert (metadata.input_planes, metadata.output_planes) == (planes, planes)
    assert set(metadata.bounds) == {"mixture", "spectrogram", "stage", "spectra"}
    assert not metadata.takes_int16
    beside = json.loads(int8.path.with_suffix(".json").read_text())
    assert beside["type"] == "int8" and set(beside["parity"]) == {"reference", "xnnpack"}


def test_songs_of_any_length_become_stems_in_integers(int8):
    separator = Separator(int8.path)
    rng = np.random.default_rng(0)
    for size in ((5000, 2), (100, 2), 3000):
        sound = rng.uniform(-0.3, 0.3, size).astype(np.float32)
        found = separator(sound, RATE)
        assert list(found) == ["drums", "bass", "other", "vocals"]
        for stem in found.values():
            assert stem.shape == sound.shape
            assert np.isfinite(stem).all() and stem.any()


def test_each_input_counts_in_integers(int8, mixture):
    engine = HybridEngine(int8.path)
    expected = engine.forward(mixture)
    for channel in range(2):
        changed = mixture.copy()
        changed[:, channel] = 0
        assert np.abs(engine.forward(changed) - expected).max() > 0.01


@pytest.mark.slow
def test_a_checkpoint_becomes_int8_after_training(run, tmp_path):
    made = convert(run, tmp_path / "model.tflite", ptq=True, planes=2, least_sqnr=12)
    assert made.metadata.method == "ptq" and float_tensors(made.report) == []
    assert made.metadata.sources == ("drums", "bass", "other", "vocals")


@pytest.mark.parametrize("change", [
    {"transform": 1000}, {"transform": True}, {"transform": 512, "channels": 1},
    {"transform": 512, "type": "int8"}, {"transform": 512, "segment": 100},
    {"transform": 512, "type": "int8", "bounds": {"mixture": 1.0}},
    {"transform": 512, "type": "int8", "bounds": dict.fromkeys(
        ("mixture", "spectrogram", "stage", "spectra"), -1.0
    )},
])
def test_a_wrong_description_is_named(change, foreign_tflite, float_description, with_description,
                                      tmp_path):
    from fqss_tf.tflite import TfliteFile

    description = float_description | {"hop": 128, "segment": 4000, "channels": 2} | change
    path = tmp_path / "a.tflite"
    path.write_bytes(with_description(foreign_tflite.read_bytes(), description))
    with pytest.raises(FqssError, match="wrong transform"):
        TfliteFile.open(path).metadata.segment  # noqa: B018
