"""Many files, names, options and signals."""

import os
import shutil
import subprocess
import sys
import time

import numpy as np
from common import case, listed, separated, speech, written

from fqss_tf.tflite.shipped import model_path


def _many(folder, *options):
    """A good file, one that is no audio, and one of the same name in another folder."""
    good = written(folder, "a.wav")
    (folder / "bad.wav").write_text("no audio")
    (folder / "b").mkdir()
    shutil.copy(good, folder / "b" / "a.wav")
    return listed(folder, good, folder / "bad.wav", folder / "b" / "a.wav", *options)


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
    return listed(folder, folder / "talks")


@case("a folder in the way of one result")
def folder_in_the_way(folder):
    (folder / "out" / "a_speech_2.wav").mkdir(parents=True)
    return listed(folder, written(folder, "a.wav"))


@case("an unknown --format")
def unknown_format(folder):
    return listed(folder, written(folder, "a.wav"), "--format", "xyz")


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
    shutil.copy(model_path("two-voices"), folder / "M.TFLITE")
    return separated(written(folder, "a.wav"), "--model", folder / "M.TFLITE")


@case("stdout is full")
def full_stdout(folder):
    command = [sys.executable, "-m", "fqss_tf", "separate", written(folder, "a.wav"),
               "--output", folder]
    with open("/dev/full", "w") as full:
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True)
    return f"exit {done.returncode}, {done.stderr.splitlines()[-1]}"


@case("SIGTERM while a file is separated")
def terminated(folder):
    path = written(folder, "a.wav", np.tile(speech(), 100))
    command = [sys.executable, "-m", "fqss_tf", "separate", path, "--output", folder / "out"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as program:
        while program.poll() is None and not list(folder.glob("out/.*")):
            time.sleep(0.05)
        program.terminate()
        said = program.stderr.read().strip()
    left = list(folder.glob("out/.*"))
    return f"exit {program.returncode}, {said}, {len(left)} temporary files left"
