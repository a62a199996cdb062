"""HTDemucs as .tflite: float32 runs as Keras does, with the transform outside the file."""

from pathlib import Path

import numpy as np
import pytest

from fqss_tf.errors import FqssError
from fqss_tf.export.convert import convert
from fqss_tf.formats import FILE_TYPES
from fqss_tf.importing.importer import import_checkpoint
from fqss_tf.runs.run import Run
from fqss_tf.runtime import Separator
from fqss_tf.runtime.engine import Engine
from fqss_tf.runtime.hybrid_engine import HybridEngine
from fqss_tf.runtime.stereo_engine import StereoEngine

FIXTURES = Path(__file__).parents[1] / "fixtures"
RATE = 8000


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
        "stage_0": (1, 1, 4000, 8), "spectra": (1, 256, 32, 16),
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


@pytest.mark.parametrize("file_type", [each for each in FILE_TYPES if each != "float32"])
def test_other_types_are_refused_in_one_line(file_type, run, tmp_path):
    with pytest.raises(FqssError, match=f"{file_type} is refused"):
        convert(run, tmp_path / "model.tflite", file_type, ptq=file_type == "int8")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("change", [
    {"transform": 1000}, {"transform": True}, {"transform": 512, "channels": 1},
    {"transform": 512, "type": "int8"}, {"transform": 512, "segment": 100},
])
def test_a_wrong_description_is_named(change, foreign_tflite, float_description, with_description,
                                      tmp_path):
    from fqss_tf.tflite import TfliteFile

    description = float_description | {"hop": 128, "segment": 4000, "channels": 2} | change
    path = tmp_path / "a.tflite"
    path.write_bytes(with_description(foreign_tflite.read_bytes(), description))
    with pytest.raises(FqssError, match="wrong transform"):
        TfliteFile.open(path).metadata.segment  # noqa: B018
