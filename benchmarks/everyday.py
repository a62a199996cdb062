"""Recordings as people have them, through the product. Makes the table of docs/results/everyday.md.

    python benchmarks/everyday.py [PART OF A NAME...]

Each function is a case: it makes files of 12 s of the bundled speech and says what became of them.
Cases that need ffmpeg are left out without it.
"""

import functools
import os
import pickle
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import soundfile
from click.testing import CliRunner

from fqss_tf import audio
from fqss_tf.cli.main import main as fqss_tf
from fqss_tf.errors import FqssError
from fqss_tf.evaluation import load_mixtures
from fqss_tf.metrics import pit_si_sdr, si_sdr
from fqss_tf.runtime import Separator, StreamingSeparator
from fqss_tf.runtime.shipped import model_path

RATE, SECONDS = 8000, 12
CASES: dict[str, Callable[[Path], str]] = {}


def case(name):
    def register(function):
        CASES[name] = function
        return function

    return register


@functools.cache
def speech():
    """12 s of two voices, float32 [samples]."""
    mixtures = [mixture for _, _, mixture, _ in load_mixtures("bundled")[0][:3]]
    return 0.7 * np.concatenate(mixtures)[: SECONDS * RATE]


def written(folder, name, waveform=None, subtype=None, file_format=None):
    path = folder / name
    waveform = speech() if waveform is None else waveform
    soundfile.write(path, waveform, RATE, subtype, format=file_format)
    return path


def by_ffmpeg(folder, name, *options):
    source = written(folder, "source.wav")
    path = folder / name
    subprocess.run(["ffmpeg", "-v", "error", "-i", source, *options, path], check=True)
    return path


def piped(folder, name, *options):
    """The same, written to a pipe: the header cannot be mended at the end."""
    source = written(folder, "source.wav")
    command = ["ffmpeg", "-v", "error", "-i", source, *options, "-"]
    path = folder / name
    path.write_bytes(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)
    return path


def joined(path):
    path.write_bytes(path.read_bytes() * 2)
    return path


def cut(path):
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])
    return path


def with_data_size(path, size):
    content = bytearray(path.read_bytes())
    place = content.index(b"data") + 4
    content[place : place + 4] = size.to_bytes(4, "little")
    path.write_bytes(content)
    return path


def separated(*arguments, stdin=None):
    """What ``fqss-tf separate`` says: seconds of the first result, and the lines on stderr."""
    with tempfile.TemporaryDirectory() as output:
        result = CliRunner().invoke(
            fqss_tf, ["separate", *map(str, arguments), "--output", output], input=stdin
        )
        parts = []
        for path in sorted(Path(output).iterdir())[:1]:
            info = soundfile.info(os.fsencode(path))  # any name
            parts.append(f"{info.frames / info.samplerate:.2f} s")
    # Where the files of the case lie is of no interest.
    lines = [line.replace(f"{arguments[0].parent}/", "") if isinstance(arguments[0], Path) else line
             for line in result.stderr.splitlines()]
    return ", ".join([f"exit {result.exit_code}", *parts, *lines])


def tried(function):
    try:
        return function()
    except FqssError as error:
        return str(error)


@case("two MP3 files joined by cat")
def joined_mp3(folder):
    return separated(joined(written(folder, "a.mp3")))


@case("two OGG files joined by cat")
def joined_ogg(folder):
    return separated(joined(written(folder, "a.ogg")))


@case("two FLAC files joined by cat")
def joined_flac(folder):
    return separated(joined(written(folder, "a.flac")))


@case("two WAV files joined by cat")
def joined_wav(folder):
    return separated(joined(written(folder, "a.wav")))


@case("VBR MP3 without Xing header (ffmpeg)")
def vbr_without_count(folder):
    return separated(by_ffmpeg(folder, "a.mp3", "-write_xing", "0", "-q:a", "4", "-ar", "44100"))


@case("CBR MP3 without Xing header (ffmpeg)")
def cbr_without_count(folder):
    return separated(by_ffmpeg(folder, "a.mp3", "-write_xing", "0", "-b:a", "32k"))


@case("WAV with data length 0")
def wav_without_length(folder):
    return separated(with_data_size(written(folder, "a.wav"), 0))


@case("FLAC from a pipe (ffmpeg)")
def flac_from_a_pipe(folder):
    return separated(piped(folder, "a.flac", "-f", "flac"))


@case("CAF from a pipe (ffmpeg)")
def caf_from_a_pipe(folder):
    return separated(piped(folder, "a.caf", "-f", "caf"))


def _cut_case(name, subtype=None, file_format=None):
    def refused_and_kept(folder):
        path = cut(written(folder, name, subtype=subtype, file_format=file_format))
        return f"{separated(path)}; with --keep-going {separated(path, '--keep-going')}"

    return refused_and_kept


for _name, _subtype, _format in (
    ("wav", None, None), ("aiff", None, None), ("flac", None, None), ("mp3", None, None),
    ("ogg", None, None), ("opus", "OPUS", "OGG"), ("adpcm.wav", "IMA_ADPCM", None),
):  # fmt: skip
    case(f"{_name}, second half missing")(_cut_case(f"a.{_name}", _subtype, _format))


@case("m4a (ffmpeg)")
def m4a(folder):
    return separated(by_ffmpeg(folder, "a.m4a"))


@case("m4a, second half missing (ffmpeg)")
def cut_m4a(folder):
    path = cut(by_ffmpeg(folder, "a.m4a", "-movflags", "faststart"))
    return f"{separated(path)}; with --keep-going {separated(path, '--keep-going')}"


@case("mp4 with picture and sound (ffmpeg)")
def video(folder):
    picture = ("-f", "lavfi", "-i", "color=s=64x64:d=12", "-shortest")
    return separated(by_ffmpeg(folder, "a.mp4", *picture))


@case("webm (ffmpeg)")
def webm(folder):
    return separated(by_ffmpeg(folder, "a.webm"))


@case("wma (ffmpeg)")
def wma(folder):
    return separated(by_ffmpeg(folder, "a.wma"))


@case("m4a without ffmpeg on PATH")
def without_ffmpeg(folder):
    path = folder / "a.m4a"
    path.write_bytes(b"\0\0\0\x20ftypM4A " + bytes(100))
    before = os.environ["PATH"]
    os.environ["PATH"] = ""
    try:
        return separated(path)
    finally:
        os.environ["PATH"] = before


@case("--format opus, from 44.1 kHz")
def opus(folder):
    path = folder / "a.wav"
    soundfile.write(path, audio.resample(speech(), RATE, 44100), 44100)
    return separated(path, "--format", "opus")


@case("- (stdin)")
def stdin(folder):
    return separated("-", stdin=written(folder, "a.flac").read_bytes())


@case("a named pipe")
def named_pipe(folder):
    content = written(folder, "a.mp3").read_bytes()
    path = folder / "pipe"
    os.mkfifo(path)
    threading.Thread(target=path.write_bytes, args=(content,), daemon=True).start()
    return separated(path)


def _channels(folder, gains):
    waveform = speech()
    both = written(folder, "both.wav", waveform[:, np.newaxis] * gains, "FLOAT")
    alone = written(folder, "alone.wav", waveform, "FLOAT")
    with Separator() as separator:
        found, expected = (separator(*audio.read(path)) for path in (both, alone))
    score = min(si_sdr(expected[name], found[name]) for name in expected)
    level = np.std(found["speech_1"]) / np.std(expected["speech_1"])
    difference = "the same samples" if score > 100 else f"SI-SDR {score:.1f} dB"
    return f"{difference} as of one channel, level {20 * np.log10(level):+.1f} dB"


@case("stereo, right = left")
def equal_channels(folder):
    return _channels(folder, [1, 1])


@case("stereo, right = -left")
def opposite_channels(folder):
    return _channels(folder, [1, -1])


@case("stereo, right silent")
def silent_channel(folder):
    return _channels(folder, [1, 0])


@case("float WAV at 32768, not 1")
def integer_scale(folder):
    return separated(written(folder, "a.wav", speech() * 2**15, "FLOAT"))


@case("results as IMA ADPCM")
def adpcm_results(folder):
    source, target = written(folder, "a.wav"), folder / "result.wav"
    audio.write(target, audio.read(source)[0], RATE, "IMA_ADPCM")
    return f"{len(audio.read(target)[0])} samples of {SECONDS * RATE}"


@case("Separator, array [2, samples]")
def transposed(folder):
    return _given(np.stack([speech()] * 2))


@case("Separator, uint8")
def unsigned_bytes(folder):
    return _given(np.round(speech() * 127 + 128).astype(np.uint8))


@case("Separator, int32")
def wide(folder):
    return _given(np.round(speech() * 2**30).astype(np.int32) * 2)


@case("Separator, int64")
def widest(folder):
    return _given(np.round(speech() * 2**15).astype(np.int64))


@case("Separator, big-endian int16")
def big_endian(folder):
    steps = np.round(speech() * 2**15).astype(np.int16)
    return _given(steps.astype(">i2"), steps)


def _given(waveform, usual=None):
    """How close the results are to those of the same sound as callers usually give it."""
    usual = speech() if usual is None else usual
    with Separator() as separator:
        expected = separator(usual, RATE)["speech_1"]
        found = tried(lambda: separator(waveform, RATE)["speech_1"])
    if isinstance(found, str):
        return f"refused: {found}"
    if np.array_equal(found, expected):
        return f"the same samples as of {usual.dtype}"
    return f"SI-SDR {si_sdr(expected, found.astype(np.float32)):.0f} dB to that of {usual.dtype}"


@case("pickling a Separator")
def pickled(folder):
    with Separator() as separator:
        copy = pickle.loads(pickle.dumps(separator))
        first, second = (each(speech(), RATE)["speech_1"] for each in (separator, copy))
    return "the same samples" if np.array_equal(first, second) else "other samples"


def _many(folder, *options):
    """A good file, one that is no audio, and one of the same name in another folder."""
    good = written(folder, "a.wav")
    (folder / "bad.wav").write_text("no audio")
    (folder / "b").mkdir()
    shutil.copy(good, folder / "b" / "a.wav")
    return _listed(folder, good, folder / "bad.wav", folder / "b" / "a.wav", *options)


def _listed(folder, *arguments):
    """What ``fqss-tf separate`` says, and which files of the first voice it wrote."""
    output = folder / "out"
    command = ["separate", *map(str, arguments), "--output", str(output)]
    result = CliRunner().invoke(fqss_tf, command)
    files = sorted(str(path.relative_to(output)) for path in output.rglob("*_speech_1.*"))
    lines = [line.replace(f"{folder}/", "") for line in result.stderr.splitlines()]
    return ", ".join([f"exit {result.exit_code}", *files, *lines])


@case("three files, the second damaged, two of one name")
def many(folder):
    return _many(folder)


@case("the same with --stop")
def many_stopped(folder):
    return _many(folder, "--stop")


@case("a folder with a subfolder")
def whole_folder(folder):
    (folder / "talks" / "deep").mkdir(parents=True)
    for name in ("talks/a.wav", "talks/deep/a.flac", "talks/notes.txt"):
        written(folder, name, file_format="WAV")
    return _listed(folder, folder / "talks")


@case("a folder in the way of one result")
def folder_in_the_way(folder):
    (folder / "out" / "a_speech_2.wav").mkdir(parents=True)
    return _listed(folder, written(folder, "a.wav"))


@case("an unknown --format")
def unknown_format(folder):
    return _listed(folder, written(folder, "a.wav"), "--format", "xyz")


@case("a name that is not UTF-8")
def bytes_as_name(folder):
    path = folder / os.fsdecode(b"a\xff.wav")
    shutil.copy(written(folder, "b.wav"), path)
    return separated(path)


@case("a name of 300 letters")
def long_name(folder):
    return separated(folder / ("a" * 300 + ".wav")).replace("a" * 300, "aaa...")


@case("a mistyped option")
def mistyped(folder):
    return separated(written(folder, "a.wav"), "--ouput", "x")


@case("a model called M.TFLITE, given with --model")
def capital_model(folder):
    shutil.copy(model_path("fqss_int8"), folder / "M.TFLITE")
    return separated(written(folder, "a.wav"), "--model", folder / "M.TFLITE")


@case("stdout is full")
def full_stdout(folder):
    command = [sys.executable, "-m", "fqss_tf", "separate", written(folder, "a.wav"),
               "--output", folder]
    with open("/dev/full", "w") as full:
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True)
    return f"exit {done.returncode}, {done.stderr.strip()}"


@case("SIGTERM while a file is separated")
def terminated(folder):
    path = written(folder, "a.wav", np.tile(speech(), 100))
    command = [sys.executable, "-m", "fqss_tf", "separate", path, "--output", folder / "out"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as program:
        while not list(folder.glob("out/.*")):
            time.sleep(0.05)
        program.terminate()
        said = program.stderr.read().strip()
    left = list(folder.glob("out/.*"))
    return f"exit {program.returncode}, {said}, {len(left)} temporary files left"


FULL_SCALE = 2**15
MODELS = {"file": Separator, "stream": StreamingSeparator}


def int16(waveform):
    scaled = np.round(np.asarray(waveform) * FULL_SCALE)
    return np.clip(scaled, -FULL_SCALE, FULL_SCALE - 1).astype(np.int16)


def at_peak(waveform, decibels):
    return waveform * (10 ** (decibels / 20) / np.abs(waveform).max())


@functools.cache
def separator(model):
    return MODELS[model]()


def sources_of(model, samples):
    """float [sources, samples] of int16 samples."""
    if model == "stream":
        found = separator(model).separate(samples)
    else:
        gain = "utterance" if model == "one gain" else "running"
        found = separator("file")(samples, RATE, gain=gain)
    return np.stack(list(found.values())).astype(float)


def dbfs(samples):
    return 20 * np.log10(max(np.sqrt(np.mean(np.square(samples))), 1e-30) / FULL_SCALE)


def mean_si_sdr(model, prepared, decibels, skip=0):
    """Of all bundled mixtures; ``prepared`` gives the mixture what comes before it."""
    mixtures = load_mixtures("bundled")[0]
    scores = []
    for number, (_, _, mixture, sources) in enumerate(mixtures):
        before = prepared(mixtures[(number + 1) % len(mixtures)][2])
        whole = np.concatenate([before, at_peak(mixture, decibels - 0.1)])
        estimates = sources_of(model, int16(whole))[:, len(before) + skip :]
        scores.append(pit_si_sdr(estimates, sources[:, skip:])[0].mean())
    return float(np.mean(scores))


def nothing(_):
    return np.zeros(0)


def loud(mixture):
    return at_peak(mixture, -0.1)


def level_cases(model):
    @case(f"SI-SDR of a mixture at 0, -10, -20, -30, -40, -50 dBFS, {model} model")
    def levels(_):
        found = [mean_si_sdr(model, nothing, level) for level in range(0, -51, -10)]
        return ", ".join(f"{score:.2f}" for score in found) + " dB"

    @case(f"SI-SDR a second behind a loud mixture, 0, 20, 30 dB below it, {model} model")
    def behind(_):
        found = [mean_si_sdr(model, loud, level, RATE) for level in (0, -20, -30)]
        return ", ".join(f"{score:.2f}" for score in found) + " dB"

    @case(f"a click of 2 samples, 20 dB above the speech, {model} model")
    def click(_):
        quiet = int16(at_peak(speech(), -20))
        clicked = quiet.copy()
        clicked[RATE : RATE + 2] = FULL_SCALE - 1
        as_before, found = (sources_of(model, each)[:, 2 * RATE :] for each in (quiet, clicked))
        agreement = pit_si_sdr(found, as_before)[0].mean()
        return f"a second later SI-SDR {agreement:.0f} dB to that without the click"

    @case(f"an offset of 0.02, {model} model")
    def offset(_):
        quiet = at_peak(speech(), -20)
        with_it, without = (sources_of(model, int16(each)) for each in (quiet + 0.02, quiet))
        agreement = pit_si_sdr(with_it[:, RATE:], without[:, RATE:])[0].mean()
        return f"SI-SDR {agreement:.0f} dB to that without it, mean {with_it.mean():.1f} steps"

    @case(f"dither at -92 dBFS behind speech, {model} model")
    def dither(_):
        noise = np.random.default_rng(0).integers(-1, 2, 6 * RATE).astype(np.int16)
        recording = np.concatenate([int16(at_peak(speech(), -3)), noise])
        estimates = sources_of(model, recording)[:, -4 * RATE :]
        levels = ", ".join(f"{dbfs(each):.0f}" for each in estimates)
        return f"in {dbfs(noise):.0f}, out {levels} dBFS"


for each_model in MODELS:
    level_cases(each_model)


@case("SI-SDR a second behind a loud mixture, 0, 20, 30 dB below it, --gain utterance")
def behind_by_one_gain(_):
    found = [mean_si_sdr("one gain", loud, level, RATE) for level in (0, -20, -30)]
    return ", ".join(f"{score:.2f}" for score in found) + " dB"


@case("a recording of denormal floats")
def denormals(_):
    tiny = (speech() * 1e-40).astype(np.float32)
    loudest = max(np.abs(each).max() for each in separator("file")(tiny, RATE).values())
    return f"in {np.abs(tiny).max():.0e}, out {loudest:.0e}"


def main(wanted):
    print("| case | result |\n|---|---|")
    for name, function in CASES.items():
        if not all(word in name for word in wanted):
            continue
        if "(ffmpeg)" in name and shutil.which("ffmpeg") is None:
            continue
        with tempfile.TemporaryDirectory() as folder:
            print(f"| {name} | {function(Path(folder))} |", flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
