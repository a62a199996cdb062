"""Formats that people have, and ways to hand them in."""

import os
import threading

import soundfile
from common import RATE, SECONDS, by_ffmpeg, case, cut, separated, speech, written

from fqss_tf import audio


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


@case("float WAV at 32768, not 1")
def integer_scale(folder):
    return separated(written(folder, "a.wav", speech() * 2**15, "FLOAT"))


@case("results as IMA ADPCM")
def adpcm_results(folder):
    source, target = written(folder, "a.wav"), folder / "result.wav"
    audio.write(target, audio.read(source)[0], RATE, "IMA_ADPCM")
    return f"{len(audio.read(target)[0])} samples of {SECONDS * RATE}"
