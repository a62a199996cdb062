"""``separate`` of one file."""

import json
import os
import subprocess
import sys
import threading

import numpy as np
import pytest
import soundfile
from click.testing import CliRunner
from separating import assert_refused, run, tone
from terminal import seen_on_terminal

from fqss_tf import audio
from fqss_tf.cli.main import main


def test_writes_one_file_per_source(tiny_tflite, mixture, output):
    result = run(tiny_tflite, mixture, "--output", output, "--gain", "utterance")
    assert result.exit_code == 0, result.output
    names = ["mixture_speech_1.wav", "mixture_speech_2.wav"]
    assert sorted(path.name for path in output.iterdir()) == names
    assert result.stdout.splitlines() == [str(output / name) for name in names]
    for name in names:
        info = soundfile.info(output / name)
        assert (info.frames, info.samplerate, info.channels, info.subtype) == (
            3000, 8000, 1, "PCM_16",
        )
    separated = soundfile.read(output / names[0])[0]
    assert np.abs(separated - tone(3000)[:, 0]).max() < 0.5 / 256 + 1e-3


@pytest.mark.parametrize(
    "samples, rate, channels", [(1, 8000, 1), (1, 96000, 6), (9601, 96000, 6), (44101, 44100, 2)]
)
def test_any_shape_of_recording_works(tiny_tflite, tmp_path, output, samples, rate, channels):
    path = tmp_path / "odd.wav"
    soundfile.write(path, tone(samples, channels) + 0.1, rate)
    assert run(tiny_tflite, path, "--output", output).exit_code == 0
    for separated in output.iterdir():
        info = soundfile.info(separated)
        assert (info.frames, info.samplerate, info.channels) == (samples, rate, channels)


def test_a_silent_file_gives_silent_files(tiny_tflite, tmp_path, output):
    path = tmp_path / "silent.flac"
    soundfile.write(path, np.zeros(2000), 8000)
    assert run(tiny_tflite, path, "--output", output).exit_code == 0
    assert len(list(output.iterdir())) == 2
    assert not any(soundfile.read(separated)[0].any() for separated in output.iterdir())


def test_json_says_what_was_written(tiny_tflite, mixture, output):
    report = json.loads(run(tiny_tflite, mixture, "--output", output, "--json").stdout)
    assert report == [
        {
            "input": str(mixture),
            "rate": 8000,
            "samples": 3000,
            "outputs": {f"speech_{k}": str(output / f"mixture_speech_{k}.wav") for k in (1, 2)},
            "clipped": {"speech_1": 0, "speech_2": 0},
            # The first is the mixture, the second half of it.
            "sum_to_mixture_db": pytest.approx(6.02, abs=0.1),
        }
    ]


def test_clipped_samples_are_counted(tiny_float_tflite, tmp_path, output):
    path = tmp_path / "loud.wav"
    soundfile.write(path, np.array([-1.5, 1.5, -1.5, 2.5, -1.0]), 8000, subtype="FLOAT")
    options = "--output", output, "--gain", "utterance"
    lines = run(tiny_float_tflite, path, *options).stdout.splitlines()
    assert lines[0].endswith("speech_1.wav (4 samples clipped)")
    assert lines[1].endswith("speech_2.wav (1 samples clipped)")


def test_format_subtype_and_tags(tiny_tflite, tmp_path, output):
    path = tmp_path / "talk.flac"
    with audio.Writer(path, 16000, 1, "flac", tags={"title": "A talk"}) as file:
        file.write(tone(3000))
    result = run(tiny_tflite, path, "--output", output, "--format", "FLAC", "--subtype", "PCM_24")
    assert result.exit_code == 0, result.output
    for name in ("talk_speech_1.flac", "talk_speech_2.flac"):
        info = soundfile.info(output / name)
        assert (info.format, info.subtype, info.samplerate) == ("FLAC", "PCM_24", 16000)
        with audio.Reader(output / name) as file:
            assert file.tags == {"title": "A talk"}


def test_a_cut_file_is_refused_or_separated_up_to_there(tiny_tflite, mixture, output):
    content = mixture.read_bytes()
    mixture.write_bytes(content[: len(content) // 2])
    refused = run(tiny_tflite, mixture, "--output", output)
    assert_refused(refused, output, "mixture.wav is damaged or cut short after 0.19 s: replace it")
    assert "--keep-going" in refused.stderr
    result = run(tiny_tflite, mixture, "--output", output, "--keep-going")
    assert result.exit_code == 0
    (line,) = result.stderr.splitlines()
    assert line.endswith("mixture.wav is damaged or cut short after 0.19 s: the rest is missing")
    assert soundfile.info(output / "mixture_speech_1.wav").frames == (len(content) // 2 - 44) // 2


def test_opus_of_any_rate_is_written(tiny_tflite, tmp_path, output):
    path = tmp_path / "talk.wav"
    soundfile.write(path, tone(4410), 44100)
    assert run(tiny_tflite, path, "--output", output, "--format", "opus").exit_code == 0
    info = soundfile.info(output / "talk_speech_1.opus")
    assert (info.subtype, info.samplerate, info.frames) == ("OPUS", 48000, 4800)


def test_stdin_and_a_pipe_are_files_too(tiny_tflite, mixture, tmp_path, output):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    threading.Thread(target=pipe.write_bytes, args=(mixture.read_bytes(),), daemon=True).start()
    arguments = ["separate", str(tiny_tflite), "-", str(pipe), "--output", str(output)]
    result = CliRunner().invoke(main, arguments, input=mixture.read_bytes())
    assert result.exit_code == 0, result.output
    names = ["pipe_speech_1.wav", "pipe_speech_2.wav", "stdin_speech_1.wav", "stdin_speech_2.wav"]
    assert sorted(path.name for path in output.iterdir()) == names
    assert (output / names[0]).read_bytes() == (output / names[2]).read_bytes()


def test_a_terminal_sees_progress_up_to_the_end(tiny_tflite, mixture, output):
    seen = seen_on_terminal("separate", tiny_tflite, mixture, "--output", output)
    assert "mixture.wav" in seen and "100%" in seen


def test_files_have_their_own_rate(mixture):
    result = run(mixture, "--rate", "16000")
    assert result.exit_code == 2 and "--rate goes with --stream" in result.stderr


def test_a_bad_file_stays_one_line_in_a_real_process(tiny_tflite, tmp_path):
    command = [sys.executable, "-m", "fqss_tf.cli.main", "separate", str(tiny_tflite), "no.wav"]
    result = subprocess.run(
        [*command, "--output", str(tmp_path / "out")], capture_output=True, text=True
    )
    assert (result.returncode, result.stdout) == (2, "")
    assert result.stderr == "error: no.wav is missing: give an audio file\n"
