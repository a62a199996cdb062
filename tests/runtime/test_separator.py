import os
import pickle
import subprocess
import sys
import threading
import tracemalloc
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import soundfile

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
    outputs = engine.run_planes(planes)
    assert [(output.shape, output.dtype) for output in outputs] == [((2, SEGMENT), np.int8)] * 2
    for plane, output in zip(planes.T, outputs, strict=True):
        assert np.array_equal(output[0], plane)
        assert np.abs(output[1] - plane / 2).max() <= 0.5


def test_an_integer_model_returns_16_bits_of_the_mixture(separator):
    mixture = speechlike(3000)
    gain = peak_gain(mixture)
    estimate = separator(mixture, 8000, gain="utterance")["speech_1"] * gain
    assert np.abs(estimate - mixture * gain).max() <= 2.0**-15 + 1e-6


def test_a_float_model_returns_its_sources(float_separator):
    mixture = speechlike(3000)
    estimates = float_separator(mixture, 8000, gain="utterance")
    assert list(estimates) == ["speech_1", "speech_2"]
    np.testing.assert_allclose(estimates["speech_1"], mixture, atol=1e-6)
    np.testing.assert_allclose(estimates["speech_2"], mixture / 2, atol=1e-6)


def test_a_16_bit_model_returns_its_sources(tiny_int16_tflite):
    mixture = speechlike(3000)
    estimates = Separator(tiny_int16_tflite)(mixture, 8000, gain="utterance")
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
    shape = waveform.shape if channels not in (None, 1) else (samples,)
    for estimate in estimates.values():
        assert (estimate.shape, estimate.dtype) == (shape, np.float32)
        assert np.isfinite(estimate).all()


def test_resampling_there_and_back_keeps_the_sound(float_separator):
    mixture = speechlike(44100, 44100)
    estimate = float_separator(mixture, 44100, gain="utterance")["speech_1"]
    middle = slice(1000, -1000)
    assert np.abs(estimate - mixture)[middle].max() < 1e-3


def test_channels_are_averaged_for_mono(tiny_float_tflite):
    left, right = speechlike(2000), speechlike(2000)[::-1]
    separator = Separator(tiny_float_tflite, mono=True)
    estimate = separator(np.stack([left, right], 1), 8000, gain="utterance")["speech_1"]
    np.testing.assert_allclose(estimate, (left + right) / 2, atol=1e-6)


@pytest.mark.parametrize("level, gain", [
    (1e-30, "utterance"), (1e-4, "utterance"), (100.0, "utterance"), (100.0, "running"),
])
def test_the_level_changes_nothing_but_the_level(separator, level, gain):
    mixture = speechlike(2000)
    usual = separator(mixture, 8000, gain=gain)["speech_1"]
    scaled = separator(mixture * np.float32(level), 8000, gain=gain)["speech_1"]
    # The gain is not a power of two, so a sample may fall into the neighbouring 16-bit step.
    tolerance = 0.3 if gain == "utterance" else 0.4
    np.testing.assert_allclose(scaled / level, usual, atol=tolerance * 2.0**-14)


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
    done = [call[0] for call in calls]
    assert done == sorted(done) and len(done) > 2 and done[-1] == 5000
    assert {call[1] for call in calls} == {5000}


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
    high, low = (plane.astype(np.int32) for plane in engine.run_planes(split(segment, 2)))
    assert np.array_equal(engine.forward(segment) * 2**15, (high << 8) + low + 128)


def as_int16(waveform):
    return np.round(waveform * 2**15).astype(np.int16)


@pytest.fixture
def recording(tmp_path):
    """A file of 16-bit samples at the model's rate, and what it holds."""
    path = tmp_path / "recording.wav"
    soundfile.write(path, as_int16(speechlike(20000)), 8000)
    return path, as_int16(speechlike(20000))


def joined(chunks):
    chunks = list(chunks)
    return {name: np.concatenate([chunk[name] for chunk in chunks]) for name in chunks[0]}


@pytest.mark.parametrize("rate", [8000, 16000])
def test_16_bits_in_are_16_bits_out(separator, rate):
    samples = as_int16(speechlike(5000, rate))
    estimates = separator(samples, rate)
    expected = separator(samples / np.float32(2**15), rate)
    for name, estimate in estimates.items():
        assert (estimate.dtype, estimate.shape) == (np.int16, (5000,))
        np.testing.assert_allclose(estimate / 2**15, expected[name], atol=2.01 * 2.0**-15)


def test_16_bits_of_several_channels_are_averaged_for_mono(separator, tiny_tflite):
    samples = as_int16(speechlike(3000))
    twice = np.stack([samples, samples], axis=1)
    of_twice = Separator(tiny_tflite, mono=True)(twice, 8000)
    for name, estimate in separator(samples, 8000).items():
        assert np.array_equal(of_twice[name], estimate)


def test_16_bits_of_several_channels_stay_such(separator):
    samples = as_int16(np.stack([speechlike(3000), speechlike(3000) / 2], axis=1))
    expected = separator(samples / np.float32(2**15), 8000)
    for name, estimate in separator(samples, 8000).items():
        assert (estimate.dtype, estimate.shape) == (np.int16, (3000, 2))
        np.testing.assert_allclose(estimate / 2**15, expected[name], atol=2.0**-15)


def test_no_float_is_made_of_16_bit_samples(separator, recording, monkeypatch):
    def refuse(*_):
        raise AssertionError("a float detour")

    monkeypatch.setattr(Engine, "forward", refuse)
    monkeypatch.setattr("fqss_tf.runtime.rates.to_float", refuse)
    path, samples = recording
    in_memory = separator(samples, 8000)
    from_file = joined(separator.chunks(path))
    assert np.array_equal(in_memory["speech_1"], from_file["speech_1"])


@pytest.mark.parametrize("rate, channels, subtype", [
    (8000, 1, "PCM_16"), (8000, 2, "PCM_16"), (44100, 1, "PCM_16"), (16000, 2, "FLOAT"),
])  # fmt: skip
def test_a_file_in_blocks_gives_what_the_whole_gives(
    separator, tmp_path, monkeypatch, rate, channels, subtype
):
    monkeypatch.setattr("fqss_tf.audio.decoding.BLOCK_VALUES", 777)
    path = tmp_path / "a.wav"
    sound = np.stack([speechlike(9000, rate), speechlike(9000, rate)[::-1]], axis=1)[:, :channels]
    soundfile.write(path, sound, rate, subtype=subtype)
    in_integers = (rate, channels, subtype) == (8000, 1, "PCM_16")
    whole = soundfile.read(path, dtype="int16" if in_integers else "float32")[0]
    estimates = joined(separator.chunks(path))
    for name, expected in separator(whole, rate).items():
        assert estimates[name].dtype == expected.dtype
        assert np.array_equal(estimates[name], expected)


@pytest.fixture
def pipe(recording, tmp_path):
    """Function that returns a new named pipe with the recording, which can be read once."""
    path = tmp_path / "pipe"
    content = recording[0].read_bytes()

    def make():
        path.unlink(missing_ok=True)
        os.mkfifo(path)
        threading.Thread(target=path.write_bytes, args=(content,), daemon=True).start()
        return path

    return make


@pytest.mark.parametrize("gain", ["running", "utterance"])
def test_a_pipe_is_separated_like_a_file(separator, recording, pipe, tmp_path, gain):
    path, _ = recording
    expected = joined(separator.chunks(path, gain))
    found = joined(separator.chunks(pipe(), gain))
    name = separator.metadata.sources[0]
    separator.separate_file(path, {name: tmp_path / "of_file.wav"}, gain)
    separator.separate_file(pipe(), {name: tmp_path / "of_pipe.wav"}, gain)
    assert np.array_equal(found[name], expected[name])
    assert (tmp_path / "of_pipe.wav").read_bytes() == (tmp_path / "of_file.wav").read_bytes()


def test_separate_file_writes_what_chunks_give_and_says_so(separator, recording, tmp_path):
    path, _ = recording
    targets = {name: tmp_path / f"{name}.flac" for name in separator.metadata.sources}
    calls = []
    report = separator.separate_file(
        path, targets, progress=lambda *call: calls.append(call), file_format="flac"
    )
    assert report == {
        "input": str(path),
        "rate": 8000,
        "samples": 20000,
        "outputs": {name: str(target) for name, target in targets.items()},
        "clipped": {"speech_1": 0, "speech_2": 0},
        "sum_to_mixture_db": pytest.approx(6.02, abs=0.01),  # one is the mixture, one half of it
    }
    assert calls[-1] == (20000, 20000)
    for name, expected in joined(separator.chunks(path)).items():
        assert np.array_equal(soundfile.read(targets[name], dtype="int16")[0], expected)


def test_the_running_gain_gives_a_quiet_passage_all_bits(separator, tmp_path):
    quiet, loud = as_int16(speechlike(SEGMENT * 4) / 300), as_int16(speechlike(SEGMENT * 4))
    path = tmp_path / "a.wav"
    soundfile.write(path, np.concatenate([quiet, loud]), 8000)
    errors = {}
    for gain in ("utterance", "running"):
        estimate = joined(separator.chunks(path, gain))["speech_2"][: len(quiet)]
        errors[gain] = np.mean((estimate - quiet / 2) ** 2)
    assert errors["running"] < errors["utterance"]


def test_an_unknown_gain_is_refused(separator, recording):
    with pytest.raises(FqssError, match="gain 'loud'"):
        next(separator.chunks(recording[0], "loud"))


def test_measure_is_the_largest_sample(separator, float_separator, recording):
    path, samples = recording
    assert separator.measure(path) == np.abs(samples.astype(int)).max()
    expected = np.abs(samples.astype(int)).max() / 2**15
    assert float_separator.measure(path) == pytest.approx(expected)


@pytest.mark.parametrize("channels", [1, 2])
def test_memory_is_far_below_the_size_of_the_file(separator, tmp_path, monkeypatch, channels):
    monkeypatch.setattr("fqss_tf.audio.decoding.BLOCK_VALUES", 4000)
    path = tmp_path / "a.wav"
    soundfile.write(path, as_int16(np.stack([speechlike(90 * 8000)] * channels, axis=1)), 8000)
    targets = {name: tmp_path / f"{name}.wav" for name in separator.metadata.sources}
    tracemalloc.start()
    separator.separate_file(path, targets)
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert most < path.stat().st_size / 3


def test_threads_may_share_a_separator(separator):
    mixtures = [speechlike(4000) * level for level in np.linspace(0.1, 1, 24, dtype=np.float32)]
    expected = [separator(mixture, 8000) for mixture in mixtures]
    with ThreadPoolExecutor(8) as pool:
        results = list(pool.map(lambda mixture: separator(mixture, 8000), mixtures))
    for result, reference in zip(results, expected, strict=True):
        for name, estimate in result.items():
            assert np.array_equal(estimate, reference[name])


def test_a_closed_separator_says_so(tiny_tflite):
    with Separator(tiny_tflite) as separator:
        separator(speechlike(1000), 8000)
    with pytest.raises(FqssError, match="closed"):
        separator(speechlike(1000), 8000)


def test_samples_beyond_float32_are_refused(float_separator):
    loud = np.full(3000, 3e38, np.float32) * np.float32(1.1)
    with pytest.raises(FqssError, match="too large|infinite"):
        float_separator(loud * np.sign(np.sin(np.arange(3000))), 44100)


def test_a_separator_travels_to_other_processes(separator):
    mixture = speechlike(2000)
    expected, found = (
        each(mixture, 8000) for each in (separator, pickle.loads(pickle.dumps(separator)))
    )
    assert all(np.array_equal(found[name], expected[name]) for name in expected)


def test_integers_are_taken_by_their_full_scale(separator):
    steps = np.round(speechlike(2000) * 2**15).astype(np.int16)
    expected = separator(steps, 8000)["speech_1"]
    assert np.array_equal(separator(steps.astype(">i2"), 8000)["speech_1"], expected)
    wide = separator(steps.astype(np.int32) << 16, 8000)["speech_1"]
    assert np.abs(wide * 2**15 - expected).max() <= 1


@pytest.mark.parametrize("waveform, message", [
    (np.zeros((2, 8000)), "transpose"), (np.zeros(100, np.int64), "no full scale"),
])  # fmt: skip
def test_what_would_be_misread_is_refused(separator, waveform, message):
    with pytest.raises(FqssError, match=message):
        separator(waveform, 8000)
