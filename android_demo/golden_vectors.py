"""Writes what the tests of the phone's arithmetic expect: numbers that the Python package gives.

Usage: python android_demo/golden_vectors.py [FOLDER]

Each file is a little-endian array whose suffix names its type: i8, i16, i32, f32 or f64. A test of
the Python package makes them anew and compares, so that they stay what the package gives.
"""

import json
import sys
import tempfile
from pathlib import Path
from unittest import mock

import numpy as np
import soundfile
from click.testing import CliRunner

from fqss_tf.audio import resample
from fqss_tf.audio.channels import mono
from fqss_tf.cli.main import main as fqss_tf_command
from fqss_tf.evaluation import load_mixtures
from fqss_tf.formats import SpectrogramForm
from fqss_tf.runtime import StreamingSeparator, planes
from fqss_tf.runtime.chunking import chunk_order, matching_order, separate_blocks
from fqss_tf.runtime.levelling import levelled, levelled_int16
from fqss_tf.runtime.samples import to_float, to_int16
from fqss_tf.runtime.spectrogram_engine import SpectrogramEngine, masked

HERE = Path(__file__).resolve().parent
TARGET = HERE / "core/src/test/resources/golden"
STEP_MODEL = "two-voices-stream"
SUFFIXES = {"int8": "i8", "int16": "i16", "int32": "i32", "float32": "f32", "float64": "f64"}
LEVEL_RATE, LEVEL_SAMPLES = 400, 1201
SEGMENT, OVERLAP = 800, 200  # of the chunks; the stand-in for a network takes any length
STEP_SAMPLES = 4100  # no whole number of steps
STREAM_WINDOW = slice(29000, 32500)  # with a cross-fade and the second chunk; all would be large
FILE_WINDOW = slice(16000, 32500)
SEAM_WINDOW = slice(23000, 26000)  # has a cross-fade in segments of 2 s at 16 kHz
SONG_KERNEL, SONG_BINS, SONG_FRAMES = 256, 96, 6  # segments of 384 samples
SONG_SAMPLES, SHORT_SONG_SAMPLES = 1100, 100


class HalfBands:
    """Stands in for the network: two sources by integers that any language computes alike.

    Every other segment has them in the other order, as a network may that was trained without one.
    """

    def __init__(self):
        self.segments = 0

    def __call__(self, segment):
        before = np.concatenate([np.zeros_like(segment[:1]), segment[:-1]])
        if segment.dtype == np.int16:
            low = ((segment.astype(np.int32) + before) >> 1).astype(np.int16)
        else:
            low = np.float32(0.5) * (segment + before)
        self.segments += 1
        sources = np.stack([low, segment - low])
        return sources if self.segments % 2 else sources[::-1]


class PlaneEngine:
    """The two members of an Engine that levelling needs, with planes that halve."""

    class metadata:
        sources = ("first", "second")
        sample_rate, segment = LEVEL_RATE, LEVEL_SAMPLES + 100

    @staticmethod
    def _stages(inputs):
        """[samples, 2] -> one [2, samples] per stage: the mixture, and it with both planes >> 1."""
        return [np.stack([plane, plane >> 1]) for plane in inputs.T]

    def forward(self, segment):
        return planes.combine(np.stack(self._stages(planes.split(segment, 2)), axis=-1))

    def forward_int16(self, segment):
        return planes.combine_int16(np.stack(self._stages(planes.split_int16(segment)), axis=-1))


class DelayedPlanes:
    """Stands in for a streaming model: its one state holds planes until they come out."""

    class metadata:
        sources = ("first", "second")
        sample_rate, segment, algorithmic_delay = 8000, 100, 30
        latency = segment + algorithmic_delay

    FRAMES, ZERO_POINT = 40, -5  # what the state begins with is heard: it holds more than the delay

    def __init__(self, stages):
        self.metadata.input_planes, self.metadata.takes_int16 = stages, stages == 2
        self.reset()

    def reset(self):
        self._state = np.full((self.FRAMES, self.metadata.input_planes), self.ZERO_POINT, np.int8)

    def run_planes(self, inputs):
        delayed = np.concatenate([self._state, inputs])
        self._state = delayed[self.metadata.segment :]
        return PlaneEngine._stages(delayed[: self.metadata.segment])


class LinearLogits:
    """Stands in for a model over spectrograms: logits that grow with magnitudes, in integers.

    The louder a bin, the more of it is the first source's and the less the second's; a bias that
    differs from place to place tells a wrong order of frames, bins or channels.
    """

    class metadata:
        sources, type, input_planes = ("vocals", "accompaniment"), "int8", 2

    def __init__(self, kind):
        self.form = SpectrogramForm(SONG_KERNEL, SONG_BINS, SONG_FRAMES, kind)

    logits = SpectrogramEngine.logits

    def _run(self, inputs):
        """int8 [1, T, F, 4] -> two int8 [1, T / 2, F / 2, 16]."""
        high, low = np.moveaxis(inputs[0].astype(np.int32).reshape(*inputs.shape[1:3], 2, 2), 2, 0)
        heard = high * 256 + low + 128
        frames, bins, channels = np.indices(heard.shape)
        bias = 900 * ((3 * frames + 5 * bins + 7 * channels) % 11)
        logits = np.stack([20 * heard - bias, bias - 20 * heard // 2])
        logits = np.clip(logits, -(2**15), 2**15 - 1)
        rows = logits.reshape(2, SONG_FRAMES // 2, 2, SONG_BINS // 2, 2, 2)
        outputs = rows.transpose(1, 3, 0, 2, 4, 5).reshape(SONG_FRAMES // 2, SONG_BINS // 2, 16)
        return np.moveaxis(planes.split_int16(outputs.astype(np.int16)), -1, 0)[:, None]


def vectors():
    """Dict of file name without suffix -> array."""
    random = np.random.default_rng(0)
    return {
        **_planes(random),
        **_samples(random),
        **_levels(random),
        **_chunks(random),
        **_orders(random),
        **_spectra(random),
        **_steps(random),
        **_rates(),
        **_songs(random),
        **_networks(),
    }


def _planes(random):
    samples = random.integers(-(2**15), 2**15, 300).astype(np.int16)
    samples[:6] = [-(2**15), 2**15 - 1, 0, -1, 255, -256]
    amplitudes = random.uniform(-1.1, 1.1, 300).astype(np.float32)
    amplitudes[:4] = [-1, 1, 0, 1.5 / 128]
    made = {"samples": samples, "planes": planes.split_int16(samples), "amplitudes": amplitudes}
    for stages in (1, 2, 3):
        split = planes.split(amplitudes, stages)
        made[f"amplitudes_planes_{stages}"] = split
        made[f"amplitudes_combined_{stages}"] = planes.combine(split)
    foreign = random.integers(-128, 128, (300, 2)).astype(np.int8)
    return {**made, "foreign_planes": foreign, "foreign_samples": planes.combine_int16(foreign)}


def _samples(random):
    channels = random.integers(-(2**15), 2**15, (300, 2)).astype(np.int16)
    floats = random.uniform(-1.1, 1.1, 300).astype(np.float32)
    floats[:4] = [0.5 / 2**15, 1.5 / 2**15, 1, -1]
    return {
        "channels": channels,
        "channels_mono": mono(channels),
        "floats": floats,
        "floats_int16": to_int16(floats),
    }


def _levels(random):
    """Quiet, loud and quiet again, with a click and an offset; the last block is not whole."""
    places, peaks = [0, 350, 370, 650, 670], [20, 20, 30000, 30000, 300]
    peaks = np.interp(np.arange(LEVEL_SAMPLES), places, peaks)
    recording = peaks * random.uniform(-1, 1, LEVEL_SAMPLES) + 40
    recording[150:152] = 32767
    integers = np.clip(recording, -(2**15), 2**15 - 1).astype(np.int16)
    floats = (recording / 2**15).astype(np.float32)
    engine = PlaneEngine()
    return {
        "level_input": integers,
        "level_sources": levelled_int16(engine)(integers),
        "level_float_input": floats,
        "level_float_sources": levelled(engine)(floats),
    }


def _chunks(random):
    time = np.arange(2211)
    tones = 6000 * np.sin(time / 7) * np.sin(time / 300) + 5000 * np.sin(2.9 * time)
    mixture = (tones + random.normal(0, 300, len(time))).astype(np.int16)
    floats = mixture / np.float32(2**15)
    return {
        "chunks_mixture": mixture,
        "chunks_sources": _joined(mixture),
        "chunks_named_sources": _joined(mixture, chunk_order(has_named_sources=True)),
        "chunks_float_sources": _joined(floats),
    }


def _joined(mixture, order=matching_order):
    blocks = separate_blocks([mixture], HalfBands(), SEGMENT, OVERLAP, order)
    return np.concatenate(list(blocks), axis=1)


def _steps(random):
    """Noise that starts quietly, is loud for a while, and quiet again."""
    envelope = np.interp(np.arange(1530), [0, 400, 450, 900, 950], [50, 200, 30000, 30000, 300])
    mixture = (envelope * random.uniform(-1, 1, len(envelope))).astype(np.int16)
    return {
        "steps_mixture": mixture,
        "steps_sources": _streamed(mixture, 2),
        "steps_float_sources": _streamed(mixture / np.float32(2**15), 1),
    }


def _streamed(mixture, stages):
    with mock.patch("fqss_tf.runtime.streaming.StreamingEngine", lambda *_: DelayedPlanes(stages)):
        return np.stack(list(StreamingSeparator(STEP_MODEL).separate(mixture).values()))


def _orders(random):
    """Four cases [before, after] of three noisy sources in another order each."""
    before = random.normal(0, 3000, (3, 170))
    orders = [(0, 1, 2), (2, 0, 1), (1, 0, 2), (2, 1, 0)]
    cases = []
    for order in orders:
        after = np.empty_like(before)
        after[list(order)] = before
        cases.append(np.stack([before, after + random.normal(0, 2500, before.shape)]))
    cases = np.stack(cases).astype(np.int16)
    found = [matching_order(case[0], case[1]) for case in cases]
    return {"order_cases": cases, "orders": np.array(found, np.int32)}


def _spectra(random):
    signal = random.uniform(-1, 1, 700).astype(np.float32)
    window = np.hanning(257)[:-1]
    frames = np.stack([signal[start : start + 256] for start in (0, 128, 444)])
    spectra = np.fft.rfft(frames * window, axis=1)
    return {"spectrum_signal": signal, "spectra": np.stack([spectra.real, spectra.imag], axis=1)}


def _rates():
    time = np.arange(1200) / 8000
    narrow = sum(0.2 * np.sin(2 * np.pi * frequency * time) for frequency in (210, 900, 2600))
    signal = (narrow * np.hanning(len(time))).astype(np.float32)
    return {
        "rate_8000": signal,
        "rate_11025": resample(signal, 8000, 11025),
        "rate_5000": resample(signal, 8000, 5000),
    }


def _songs(random):
    """Two tones that come and go, one for each ear, in noise."""
    time = np.arange(SONG_SAMPLES)[:, None]
    tones = 9000 * np.sin(time * [0.31, 0.83]) * np.sin(time / [170, 90])
    song = (tones + random.normal(0, 900, tones.shape)).astype(np.int16)
    return {
        "song": song,
        "song_sources": _masked(song, "sigmoid"),
        "song_softmax_sources": _masked(song, "softmax"),
        "song_mono_sources": _masked(song[:, 0], "sigmoid"),
        "song_short_sources": _masked(song[:SHORT_SONG_SAMPLES], "sigmoid"),
    }


def _masked(song, kind):
    return to_int16(np.concatenate(list(masked(LinearLogits(kind), [to_float(song)])), axis=1))


def _networks():
    """Real sounds, as ``fqss-tf separate`` gives their sources: by the models that ship."""
    mixtures, rate = load_mixtures("bundled", models=["two-voices"])
    # Of these the models make the same at another rate, too, by 27 dB and more.
    voices = to_int16(np.concatenate([mixtures[4][2], mixtures[5][2]])[: STREAM_WINDOW.stop])
    return {
        "voices_mixture": voices,
        "voices_sources": _separated("two-voices", voices, rate)[:, FILE_WINDOW],
        "voices_streamed": _of_stream("two-voices", voices)[:, STREAM_WINDOW],
        "voices_stepped": _of_stream(STEP_MODEL, voices[:STEP_SAMPLES]),
        # The same samples, at another rate.
        "voice_sources": _separated("voice", voices, 16000)[:, SEAM_WINDOW],
        "voice_stepped": _of_stream("voice-stream", voices[:STEP_SAMPLES]),
    }


def _separated(model, mixture, rate):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "mixture.wav"
        soundfile.write(path, mixture, rate)
        arguments = ["separate", model, str(path), "--output", folder, "--json"]
        outputs = json.loads(_output(arguments))[0]["outputs"].values()
        return np.stack([soundfile.read(output, dtype="int16")[0] for output in outputs])


def _of_stream(model, mixture):
    streamed = _output(["separate", model, "--stream", "-"], mixture.tobytes())
    return np.frombuffer(streamed, "<i2").reshape(len(mixture), -1).T


def _output(arguments, stdin=None):
    result = CliRunner().invoke(fqss_tf_command, arguments, input=stdin, catch_exceptions=False)
    if result.exit_code:
        raise SystemExit(result.output)
    return result.stdout_bytes


def file_name(name, values):
    return f"{name}.{SUFFIXES[values.dtype.name]}"


def write(folder):
    folder.mkdir(parents=True, exist_ok=True)
    for name, values in vectors().items():
        little_endian = values.astype(values.dtype.newbyteorder("<"))
        (folder / file_name(name, values)).write_bytes(little_endian.tobytes())


if __name__ == "__main__":
    write(Path(sys.argv[1]) if len(sys.argv) > 1 else TARGET)
