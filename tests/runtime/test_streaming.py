"""A stream in steps is the whole recording, to the last bit."""

import pickle

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fqss_tf.errors import FqssError
from fqss_tf.runtime import Separator, StreamingSeparator
from fqss_tf.runtime.engine import Engine

SEGMENT = 8000
# Of any lengths: hops, steps, single samples, none.
CUTS = st.lists(st.integers(0, 700), max_size=30)


def noise(samples, seed=0, level=6000):
    rng = np.random.default_rng(seed)
    envelope = 1 + np.sin(np.arange(samples) / 3000)
    return np.clip(level * envelope * rng.standard_normal(samples), -(2**15), 2**15 - 1).astype(
        np.int16
    )


def stacked(parts):
    """Parts as ``push`` gives them, joined: [sources, samples]."""
    return np.concatenate([np.stack(list(part.values())) for part in parts], axis=1)


def pushed(separator, samples, lengths):
    parts = []
    for length in [*lengths, len(samples)]:
        parts.append(separator.push(samples[:length]))
        samples = samples[length:]
    return stacked([*parts, separator.flush()])


@pytest.fixture(scope="module")
def separator(step_tflite):
    return StreamingSeparator(step_tflite, gain=0)


@pytest.fixture(scope="module")
def running(step_tflite):
    return StreamingSeparator(step_tflite)


@pytest.fixture(scope="module")
def whole(causal_tflite):
    """int16 [8000] -> int16 [sources, 8000] by the file for whole segments."""
    return Engine(causal_tflite).forward_int16


@pytest.fixture(scope="module")
def memory(causal_run):
    """Samples after which nothing is left of what was before: the network's view to the past."""
    config = causal_run.config
    edge = config.taps - 1
    frames = (config.block_kernel - 1) * sum(config.dilations)
    return config.hop * (frames + 5 * edge + 1)


@settings(max_examples=25)
@given(cuts=CUTS, seed=st.integers(0, 5), level=st.sampled_from([0, 3, 300, 9000, 40000]))
def test_a_stream_is_the_whole_recording_however_it_is_cut(separator, whole, cuts, seed, level):
    mixture = noise(SEGMENT, seed, level)
    estimates = pushed(separator, mixture, cuts)
    assert estimates.dtype == np.int16
    assert np.array_equal(estimates, whole(mixture))


@settings(max_examples=10)
@given(cuts=CUTS, level=st.sampled_from([3, 300, 9000]))
def test_the_running_gain_does_not_see_the_cuts(running, cuts, level):
    mixture = noise(4000, level=level)
    assert np.array_equal(pushed(running, mixture, cuts), pushed(running, mixture, []))


def after(seconds, separator, whole, memory):
    """The end of a long stream, and the same sound as if nothing had been before it."""
    samples = seconds * 8000
    end = noise(SEGMENT, seed=9)
    for second in range(seconds):
        separator.push(noise(8000, seed=second))
    stream = stacked([separator.push(end), separator.flush()])
    assert stream.shape[1] == SEGMENT + separator.metadata.algorithmic_delay + samples % 128
    return stream[:, -SEGMENT + memory :], whole(end)[:, memory:]


def test_nothing_drifts_in_20_seconds(separator, whole, memory):
    stream, fresh = after(20, separator, whole, memory)
    assert memory < 800 and np.array_equal(stream, fresh)


@pytest.mark.slow
def test_nothing_drifts_in_10_minutes(separator, whole, memory):
    stream, fresh = after(600, separator, whole, memory)
    assert np.array_equal(stream, fresh)


def test_every_sample_is_out_after_the_latency(separator):
    mixture = noise(3000)
    assert separator.latency == 128 + 16
    returned = 0
    for given_samples in range(1, len(mixture) + 1):
        part = separator.push(mixture[given_samples - 1 : given_samples])
        returned += len(part["speech_1"])
        assert given_samples - separator.latency < returned <= given_samples - 16 or not returned
    assert returned + len(separator.flush()["speech_1"]) == len(mixture)


def test_reset_and_flush_begin_a_new_stream(separator):
    mixture = noise(2000)
    first = pushed(separator, mixture, [])
    separator.push(noise(777, seed=1))
    separator.reset()
    assert np.array_equal(pushed(separator, mixture, [5]), first)
    assert np.array_equal(pushed(separator, mixture, [900]), first)


def test_a_stream_of_nothing_gives_nothing(separator):
    for part in (separator.push(np.zeros(0, np.int16)), separator.flush(), separator.flush()):
        assert [len(estimate) for estimate in part.values()] == [0, 0]


def test_floats_are_the_same_stream(separator):
    mixture = noise(2000)
    floats = separator.separate(mixture / np.float32(2**15))
    for name, estimate in separator.separate(mixture).items():
        assert floats[name].dtype == np.float32
        assert np.array_equal(floats[name] * 2**15, estimate)


def test_no_float_is_made_of_16_bit_samples(running, monkeypatch):
    def refuse(*_):
        raise AssertionError("a float detour")

    for detour in ("to_int16", "planes.split", "planes.combine"):
        monkeypatch.setattr(f"fqss_tf.runtime.streaming.{detour}", refuse)
    assert running.separate(noise(1000))["speech_1"].any()
    with pytest.raises(AssertionError, match="detour"):
        running.separate(noise(1000) / np.float32(2**15))


def test_a_fixed_gain_is_taken_back(step_tflite, separator):
    half = noise(2000, level=2000) // 2 * 2
    loud = StreamingSeparator(step_tflite, gain=20 * np.log10(2))
    expected = stacked([separator.separate(half * 2)])
    assert np.abs(stacked([loud.separate(half)]) - expected / 2).max() <= 0.5


def test_what_exceeds_full_scale_is_clipped_by_a_fixed_gain_alone(step_tflite, running):
    mixture = noise(8000, level=12000)
    clipped = StreamingSeparator(step_tflite, gain=40)
    loudest = [np.abs(stacked([one.separate(mixture)])).max() for one in (clipped, running)]
    assert loudest[0] <= round(2**15 / 100) < loudest[1]


def test_the_running_gain_lets_a_quiet_stream_use_all_bits(running, separator):
    mixture = noise(16000, level=3000) // 8 * 8
    mixture[0] = 32000

    def agreement(separator):
        """Of a stream and an eighth of it, in dB."""
        loud, quiet = (stacked([separator.separate(mixture // by)]) for by in (1, 8))
        return 10 * np.log10(np.var(loud / 8) / np.var(quiet - loud / 8))

    assert agreement(running) > 20 > 10 > agreement(separator)


def test_another_rate_is_resampled_there_and_back(running):
    blocks = [noise(1000, seed) for seed in range(5)]
    estimates = np.concatenate(list(running.separate_blocks(blocks, 16000)), axis=1)
    assert estimates.shape == (2, 5000) and estimates.dtype == np.int16 and estimates.any()


@pytest.mark.parametrize("samples, message", [
    (np.zeros((3, 2), np.int16), "one channel"),
    (np.array([0.1, np.nan]), "NaN"),
    (np.zeros(3, np.float32), "began with int16"),
])
def test_wrong_samples_are_named(separator, samples, message):
    separator.push(noise(10))
    with pytest.raises(FqssError, match=message):
        separator.push(samples)
    separator.reset()


@pytest.mark.parametrize("gain", ["loud", 61, float("nan")])
def test_unknown_gains_are_named(step_tflite, gain):
    with pytest.raises(FqssError, match="gain .* is unknown"):
        StreamingSeparator(step_tflite, gain=gain)


def test_each_kind_of_file_names_the_other_way(step_tflite, causal_tflite):
    with pytest.raises(FqssError, match="is a streaming model"):
        Separator(step_tflite)
    with pytest.raises(FqssError, match="takes whole segments"):
        StreamingSeparator(causal_tflite)


def test_a_stream_goes_on_in_another_process(separator):
    separator.reset()
    mixture = noise(2000)
    separator.push(mixture[:1000])
    copy = pickle.loads(pickle.dumps(separator))
    expected, found = (stacked([each.push(mixture[1000:])]) for each in (separator, copy))
    separator.reset()
    assert np.array_equal(found, expected)


def test_a_closed_separator_says_so(step_tflite):
    with StreamingSeparator(step_tflite) as separator:
        separator.push(noise(10))
    with pytest.raises(FqssError, match="was closed"):
        separator.push(noise(300))
