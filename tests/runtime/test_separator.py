import subprocess
import sys

import numpy as np
import pytest

from fqss_tf.audio import peak_gain
from fqss_tf.errors import FqssError
from fqss_tf.runtime import Separator
from fqss_tf.runtime.engine import Engine
from fqss_tf.runtime.planes import split

SEGMENT = 800  # of the tiny models


def speechlike(samples, rate=8000):
    time = np.arange(samples) / rate
    return (0.3 * np.sin(2 * np.pi * 300 * time) * np.sin(2 * np.pi * 3 * time)).astype(np.float32)


@pytest.fixture(scope="module")
def separator(tiny_tflite):
    return Separator(tiny_tflite)


@pytest.fixture(scope="module")
def float_separator(tiny_float_tflite):
    return Separator(tiny_float_tflite)


@pytest.mark.parametrize("reference_kernels", [False, True])
def test_the_integer_graph_sees_and_gives_the_planes(tiny_tflite, reference_kernels):
    engine = Engine(tiny_tflite, reference_kernels=reference_kernels)
    planes = np.random.default_rng(0).integers(-128, 128, (SEGMENT, 2)).astype(np.int8)
    stages = engine.run_planes(planes)
    assert [(stage.shape, stage.dtype) for stage in stages] == [((2, SEGMENT), np.int8)] * 2
    for plane, stage in zip(planes.T, stages, strict=True):
        assert np.array_equal(stage[0], plane)
        assert np.abs(stage[1] - plane / 2).max() <= 0.5


def test_an_integer_model_returns_16_bits_of_the_mixture(separator):
    mixture = speechlike(3000)
    gain = peak_gain(mixture)
    estimate = separator(mixture, 8000)["speech_1"] * gain
    assert np.abs(estimate - mixture * gain).max() <= 2.0**-15 + 1e-6


def test_a_float_model_returns_its_sources(float_separator):
    mixture = speechlike(3000)
    estimates = float_separator(mixture, 8000)
    assert list(estimates) == ["speech_1", "speech_2"]
    np.testing.assert_allclose(estimates["speech_1"], mixture, atol=1e-6)
    np.testing.assert_allclose(estimates["speech_2"], mixture / 2, atol=1e-6)


def test_a_16_bit_model_returns_its_sources(tiny_int16_tflite):
    mixture = speechlike(3000)
    estimates = Separator(tiny_int16_tflite)(mixture, 8000)
    np.testing.assert_allclose(estimates["speech_1"], mixture, atol=2.0**-14)
    np.testing.assert_allclose(estimates["speech_2"], mixture / 2, atol=2.0**-14)


@pytest.mark.parametrize("rate", [8000, 11025, 44100, 96000])
@pytest.mark.parametrize("samples", [1, 2, 799, 800, 801, 5000])
@pytest.mark.parametrize("channels", [None, 1, 2, 6])
def test_any_rate_length_and_channel_count_is_kept(separator, rate, samples, channels):
    mixture = speechlike(samples, rate)
    waveform = mixture if channels is None else np.repeat(mixture[:, np.newaxis], channels, 1)
    estimates = separator(waveform, rate)
    assert list(estimates) == ["speech_1", "speech_2"]
    for estimate in estimates.values():
        assert (estimate.shape, estimate.dtype) == ((samples,), np.float32)
        assert np.isfinite(estimate).all()


def test_resampling_there_and_back_keeps_the_sound(float_separator):
    mixture = speechlike(44100, 44100)
    estimate = float_separator(mixture, 44100)["speech_1"]
    middle = slice(1000, -1000)
    assert np.abs(estimate - mixture)[middle].max() < 1e-3


def test_channels_are_averaged(float_separator):
    left, right = speechlike(2000), speechlike(2000)[::-1]
    estimate = float_separator(np.stack([left, right], 1), 8000)["speech_1"]
    np.testing.assert_allclose(estimate, (left + right) / 2, atol=1e-6)


@pytest.mark.parametrize("level", [1e-30, 1e-4, 100.0])
def test_the_level_changes_nothing_but_the_level(separator, level):
    mixture = speechlike(2000)
    usual = separator(mixture, 8000)["speech_1"]
    scaled = separator(mixture * np.float32(level), 8000)["speech_1"]
    # The gain is not a power of two, so a sample may fall into the neighbouring 16-bit step.
    np.testing.assert_allclose(scaled / level, usual, atol=0.3 * 2.0**-14)


def test_silence_gives_silence(separator):
    for estimate in separator(np.zeros(2000, np.float32), 8000).values():
        assert not estimate.any()


@pytest.mark.parametrize(
    "waveform, rate, message",
    [
        (np.zeros(0), 8000, "no samples"),
        (np.zeros((5, 0)), 8000, "no samples"),
        (np.array([0, np.nan]), 8000, "NaN"),
        (np.array([0, np.inf]), 8000, "NaN"),
        (np.zeros((2, 2, 2)), 8000, "shape"),
        (np.ones(5), 0, "rate"),
        (np.ones(5), float("nan"), "rate"),
    ],
)
def test_bad_waveforms_are_refused(separator, waveform, rate, message):
    with pytest.raises(FqssError, match=message):
        separator(waveform, rate)


@pytest.mark.parametrize(
    "change, message",
    [
        ({"segment": 400}, "description says"),
        ({"sources": ["one", "two", "three"]}, "description says"),
        ({"input_stages": 2}, "description says"),
        ({"type": "int8"}, "description says"),
        ({"output_stages": 2}, "unexpected inputs or outputs"),
    ],
)
def test_a_description_that_does_not_fit_the_graph_is_refused(
    foreign_tflite, float_description, with_description, tmp_path, change, message
):
    path = tmp_path / "a.tflite"
    path.write_bytes(with_description(foreign_tflite.read_bytes(), float_description | change))
    with pytest.raises(FqssError, match=message):
        Separator(path)


def test_an_integer_graph_of_another_scale_is_refused(tiny_tflite, tmp_path):
    import flatbuffers
    from ai_edge_litert import schema_py_generated as schema

    model = schema.ModelT.InitFromPackedBuf(tiny_tflite.read_bytes())
    graph = model.subgraphs[0]
    graph.tensors[graph.inputs[0]].quantization.scale = [1 / 100]
    builder = flatbuffers.Builder(4096)
    builder.Finish(model.Pack(builder), file_identifier=b"TFL3")
    path = tmp_path / "a.tflite"
    path.write_bytes(bytes(builder.Output()))
    with pytest.raises(FqssError, match="scale 0.01"):
        Separator(path)


def test_progress_reaches_its_total(separator):
    calls = []
    separator(speechlike(5000), 8000, lambda *call: calls.append(call))
    assert calls[-1][0] == calls[-1][1] == len(calls)


def test_no_tensorflow_is_imported(tiny_tflite):
    script = (
        "import sys; from fqss_tf.runtime import Separator; import numpy as np\n"
        "Separator(sys.argv[1])(np.ones(9), 8000)\n"
        "assert not {'tensorflow', 'tf_keras'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", script, str(tiny_tflite)], check=True)


def test_forward_is_split_run_combine(tiny_tflite):
    engine = Engine(tiny_tflite)
    segment = speechlike(SEGMENT)
    high, low = (stage.astype(np.int32) for stage in engine.run_planes(split(segment, 2)))
    assert np.array_equal(engine.forward(segment) * 2**15, (high << 8) + low + 128)
