import errno
import json
import os
import shutil
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest
import soundfile
from click.testing import CliRunner
from terminal import seen_on_terminal

from fqss_tf import audio
from fqss_tf.cli.main import main
from fqss_tf.runtime import Separator, StreamingSeparator
from fqss_tf.runtime.shipped import DEFAULT, DEFAULT_STREAMING, model_path


def run(*arguments):
    return CliRunner().invoke(main, ["separate", *map(str, arguments)])


def tone(samples, channels=1):
    wave = 0.5 * np.sin(np.arange(samples) / 9)
    return np.repeat(wave[:, np.newaxis], channels, axis=1)


@pytest.fixture
def mixture(tmp_path):
    path = tmp_path / "mixture.wav"
    soundfile.write(path, tone(3000), 8000)
    return path


@pytest.fixture
def output(tmp_path):
    return tmp_path / "output"


def assert_refused(result, output, message):
    assert result.exit_code == 2, result.output
    assert result.stdout == ""
    (line,) = result.stderr.splitlines()
    assert line.startswith("error: ") and message in line
    assert not output.exists()


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
        assert (info.frames, info.samplerate, info.channels) == (samples, rate, 1)


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


@pytest.mark.parametrize("options", [("--format", "xyz"), ("--subtype", "PCM_99")])
def test_an_unknown_format_is_refused(tiny_tflite, mixture, output, options):
    result = run(tiny_tflite, mixture, "--output", output, *options)
    assert_refused(result, output, "cannot encode")
    assert " object at " not in result.stderr


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


@pytest.mark.parametrize("right", [-1, 0])
def test_an_opposite_or_silent_channel_takes_nothing_away(tiny_tflite, tmp_path, output, right):
    both, alone = tmp_path / "both.wav", tmp_path / "alone.wav"
    soundfile.write(alone, tone(3000), 8000, subtype="FLOAT")
    soundfile.write(both, tone(3000, 2) * [1, right], 8000, subtype="FLOAT")
    assert run(tiny_tflite, both, alone, "--output", output).exit_code == 0
    found, expected = (
        soundfile.read(output / f"{name}_speech_1.wav")[0] for name in ("both", "alone")
    )
    assert np.array_equal(found, expected)


def test_jobs_give_what_one_job_gives(tiny_tflite, tmp_path):
    files = [tmp_path / f"{number}.wav" for number in range(6)]
    for number, path in enumerate(files):
        soundfile.write(path, tone(3000 + 500 * number) * (number + 1) / 6, 8000)
    for jobs in (1, 3):
        result = run(tiny_tflite, *files, "--output", tmp_path / f"by_{jobs}", "--jobs", jobs)
        assert result.exit_code == 0, result.output
        names = [Path(line).name for line in result.stdout.splitlines()]
        assert names == [f"{number}_speech_{k}.wav" for number in range(6) for k in (1, 2)]
    for path in (tmp_path / "by_1").iterdir():
        assert path.read_bytes() == (tmp_path / "by_3" / path.name).read_bytes()


def test_a_failing_job_ends_the_others(tiny_tflite, tmp_path, output, monkeypatch):
    files = [tmp_path / f"{number}.wav" for number in range(8)]
    for path in files:
        soundfile.write(path, tone(3000), 8000)

    def refuse(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(audio.Writer, "write", refuse)
    result = run(tiny_tflite, *files, "--output", output, "--jobs", "2", "--stop")
    assert_refused(result, output, "No space left")
    result = run(tiny_tflite, *files, "--output", output, "--jobs", "2")
    assert result.exit_code == 2 and not output.exists()
    assert len(result.stderr.splitlines()) == 9 and result.stdout == ""


def stream(model, content, *options):
    command = [sys.executable, "-m", "fqss_tf.cli.main", "separate"]
    if model is not None:
        command.append(str(model))
    return subprocess.run([*command, "--stream", "-", *options], input=content, capture_output=True)


def test_a_raw_stream_goes_from_stdin_to_stdout(tiny_tflite):
    samples = np.round(tone(5000)[:, 0] * 20000).astype("<i2")
    result = stream(tiny_tflite, samples.tobytes(), "--rate", "8000")
    assert result.returncode == 0, result.stderr
    separated = np.frombuffer(result.stdout, "<i2").reshape(-1, 2)
    expected = Separator(tiny_tflite)(samples, 8000).values()
    assert np.array_equal(separated, np.stack(list(expected), axis=1))


def test_a_stream_of_nothing_is_one_line(tiny_tflite):
    result = stream(tiny_tflite, b"")
    assert (result.returncode, result.stdout) == (2, b"")
    assert result.stderr.splitlines()[-1] == b"error: the stream holds no samples"


def test_a_stream_and_files_do_not_go_together(tiny_tflite, mixture, output):
    result = run(tiny_tflite, mixture, "--stream", "-", "--output", output)
    assert result.exit_code == 2 and "--stream takes no FILE" in result.stderr


@pytest.mark.parametrize("named", [True, False])
def test_a_step_model_streams_in_steps(named, step_tflite):
    samples = np.round(tone(5000)[:, 0] * 20000).astype("<i2")
    result = stream(step_tflite if named else None, samples.tobytes(), "--gain", "0")
    assert result.returncode == 0, result.stderr
    separated = np.frombuffer(result.stdout, "<i2").reshape(-1, 2)
    model = step_tflite if named else model_path(DEFAULT_STREAMING)
    expected = StreamingSeparator(model, gain=0).separate(samples)
    assert np.array_equal(separated.T, np.stack(list(expected.values())))


def test_the_microphone_is_a_stream_until_ctrl_c(step_tflite, tmp_path):
    """Through a module that stands for sounddevice: half a second, then Ctrl-C."""
    (tmp_path / "sounddevice.py").write_text(
        "class PortAudioError(Exception): pass\n"
        "class RawInputStream:\n"
        "    def __init__(self, **_): self.left = 4000\n"
        "    def start(self): pass\n"
        "    def close(self): pass\n"
        "    def read(self, frames):\n"
        "        self.left -= frames\n"
        "        if self.left < 0: raise KeyboardInterrupt\n"
        "        return bytes(frames) + bytes([40]) * frames, self.left == 0\n"
    )
    command = [sys.executable, "-m", "fqss_tf.cli.main", "separate", str(step_tflite)]
    environment = os.environ | {
        "PYTHONPATH": os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")])
    }
    result = subprocess.run([*command, "--microphone"], capture_output=True, env=environment)
    assert result.returncode == 0, result.stderr
    blocks = 4000 // 64
    assert len(result.stdout) == 64 * blocks * 2 * 2 and any(result.stdout)


def test_microphone_without_sounddevice_is_one_line(step_tflite, output, monkeypatch):
    monkeypatch.setitem(sys.modules, "sounddevice", None)
    assert_refused(run(step_tflite, "--microphone"), output, "pip install 'fqss-tf[microphone]'")


def test_a_step_model_takes_no_files(step_tflite, mixture, output):
    assert_refused(run(step_tflite, mixture, "--output", output), output, "is a streaming model")


@pytest.mark.parametrize("arguments, message", [
    (["--stream", "-", "--microphone"], "two sources"),
    (["--stream", "-", "--gain", "utterance"], "neither running nor decibels"),
    (["--stream", "-", "--gain", "99"], "gain 99.0 is unknown"),
    (["--gain", "3", "a.wav", "--output", "voices"], "none of running, utterance"),
])
def test_wrong_options_of_a_stream_are_named(step_tflite, arguments, message):
    result = run(step_tflite, *arguments)
    assert result.exit_code == 2 and message in result.stderr


def test_a_model_for_segments_has_no_fixed_gain(tiny_tflite):
    result = run(tiny_tflite, "--stream", "-", "--gain", "3")
    assert result.exit_code == 2 and "goes with a streaming model" in result.stderr


def test_a_terminal_sees_progress_up_to_the_end(tiny_tflite, mixture, output):
    seen = seen_on_terminal("separate", tiny_tflite, mixture, "--output", output)
    assert "mixture.wav" in seen and "100%" in seen


def test_results_of_an_earlier_run_are_replaced(tiny_tflite, mixture, output):
    output.mkdir()
    (output / "mixture_speech_1.wav").write_text("old")
    assert run(tiny_tflite, mixture, "--output", output).exit_code == 0
    assert soundfile.info(output / "mixture_speech_1.wav").frames == 3000


def _nan(path):
    soundfile.write(path, np.array([0.1, np.nan]), 8000, format="WAV", subtype="FLOAT")


def _infinite(path):
    soundfile.write(path, np.array([0.1, np.inf]), 8000, format="WAV", subtype="FLOAT")


def _cut_flac(path):
    noise = np.random.default_rng(0).uniform(-0.5, 0.5, 30000)
    soundfile.write(path, noise, 8000, format="FLAC")
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


@pytest.mark.parametrize(
    "name, make",
    [
        ("missing.wav", lambda path: None),
        ("folder.wav", Path.mkdir),
        ("text.wav", lambda path: path.write_text("not audio")),
        ("cut.flac", _cut_flac),
        ("empty.wav", lambda path: soundfile.write(path, np.zeros(0), 8000)),
        ("nan.wav", _nan),
        ("infinite.wav", _infinite),
    ],
)
def test_one_bad_file_stops_before_anything_is_written(
    tiny_tflite, mixture, tmp_path, output, name, make
):
    bad = tmp_path / name
    make(bad)
    result = run(tiny_tflite, mixture, bad, "--output", output, "--stop")
    assert_refused(result, output, name)


def test_a_truncated_model_is_refused(tiny_tflite, mixture, tmp_path, output):
    model = tmp_path / "cut.tflite"
    model.write_bytes(tiny_tflite.read_bytes()[:1500])
    assert_refused(run(model, mixture, "--output", output), output, "cut.tflite")


def test_a_model_of_another_project_is_refused(foreign_tflite, mixture, output):
    result = run(foreign_tflite, mixture, "--output", output)
    assert_refused(result, output, "not an fqss-tf model")


def test_a_run_folder_is_refused_with_the_way_out(mixture, tmp_path, output):
    (tmp_path / "recipe.yaml").touch()
    assert_refused(run(tmp_path, mixture, "--output", output), output, "convert")


def test_a_missing_model_is_refused(mixture, tmp_path, output):
    assert_refused(run(tmp_path / "no.tflite", mixture, "--output", output), output, "no.tflite")


def copied(source, *places):
    for place in places:
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(source, place)
    return places


def results(output):
    return sorted(
        str(path.relative_to(output)).removesuffix("_speech_1.wav")
        for path in output.rglob("*_speech_1.wav")
    )


def test_results_of_one_name_are_numbered(tiny_tflite, mixture, tmp_path, output):
    files = copied(mixture, *(tmp_path / name for name in ("a/t.wav", "b/t.wav", "c/T.WAV")))
    (tmp_path / "link.wav").symlink_to(files[0])
    result = run(tiny_tflite, *files, files[0], tmp_path / "link.wav", "-o", output)
    assert result.exit_code == 0, result.output
    assert results(output) == ["T_3", "t", "t_2"]


def test_a_folder_means_its_audio_files(tiny_tflite, mixture, tmp_path, output):
    talks, output = tmp_path / "talks", tmp_path / "talks" / "out"
    copied(mixture, *(talks / name for name in (
        "a.wav", "deep/er/a.FLAC", "deep/b.ogg", ".hidden.wav", "._a.wav",
    )))
    (talks / "notes.txt").write_text("not audio")
    for _ in range(2):  # its own results are no recordings
        assert run(tiny_tflite, talks, "-o", output).exit_code == 0
        assert results(output) == ["a", "deep/b", "deep/er/a"]
    refused = run(tiny_tflite, talks, "-o", talks)
    assert refused.exit_code == 2 and "is the folder of the results, too" in refused.stderr
    (tmp_path / "empty").mkdir()
    assert "without audio files" in run(tiny_tflite, tmp_path / "empty").stderr


def test_bad_files_do_not_stop_the_others(tiny_tflite, mixture, tmp_path, output):
    bad, nan = tmp_path / "bad.wav", tmp_path / "nan.wav"
    bad.write_text("not audio")
    _nan(nan)  # found only when it is read
    good = copied(mixture, tmp_path / "good.wav")[0]
    taken = copied(mixture, tmp_path / "taken.wav")[0]
    (output / "taken_speech_2.wav").mkdir(parents=True)
    files = (bad, good, nan, tmp_path / "no.wav", taken, mixture)
    result = run(tiny_tflite, *files, "-o", output)
    assert result.exit_code == 2 and results(output) == ["good", "mixture"]
    assert [Path(line).name for line in result.stdout.splitlines()] == [
        f"{name}_speech_{k}.wav" for name in ("good", "mixture") for k in (1, 2)
    ]
    lines = result.stderr.splitlines()
    assert all(line.startswith("error: ") for line in lines)
    names = ("bad.wav", "nan.wav", "no.wav", "taken_speech_2.wav")
    assert all(name in line for line, name in zip(lines[:4], names, strict=True))
    assert lines[4:] == ["error: 4 of 6 files were not separated"]
    reports = json.loads(run(tiny_tflite, *files, "-o", output, "--json").stdout)
    assert [Path(report["input"]).name for report in reports] == [path.name for path in files]
    assert ["error" in report for report in reports] == [True, False, True, True, True, False]


def test_a_folder_in_the_way_of_one_result_leaves_none(tiny_tflite, mixture, output):
    (output / "mixture_speech_2.wav").mkdir(parents=True)
    result = run(tiny_tflite, mixture, "-o", output)
    assert result.exit_code == 2
    assert "mixture_speech_2.wav: a folder has this name" in result.stderr
    assert [path.name for path in output.iterdir()] == ["mixture_speech_2.wav"]


@pytest.fixture
def unread(monkeypatch):
    """Fails the test if a recording is read to its end."""

    def measure(*_):
        raise AssertionError("a recording was read")

    monkeypatch.setattr(Separator, "measure", measure)


@pytest.mark.parametrize("options, line", [
    (["--format", "xyz"], "cannot encode audio as xyz"),
    (["--subtype", "PCM_99"], "cannot encode audio as wav PCM_99"),
    (["--format", "flac", "--subtype", "DOUBLE"], "cannot encode audio as flac DOUBLE"),
    (["-o", "/proc/no/such"], "cannot make the folder /proc/no/such"),
    (["-o", "/dev/null"], "cannot make the folder /dev/null"),
])
def test_what_cannot_be_written_is_found_before_anything_is_read(
    tiny_tflite, mixture, tmp_path, output, unread, options, line
):
    assert_refused(run(tiny_tflite, mixture, "-o", output, *options), output, line)


def test_a_full_disk_is_found_before_anything_is_read(
    tiny_tflite, mixture, output, unread, monkeypatch
):
    monkeypatch.setattr(shutil, "disk_usage", lambda _: shutil._ntuple_diskusage(1, 1, 11_000))
    result = run(tiny_tflite, mixture, "-o", output)
    assert_refused(result, output, "the results take 0.0 MB, 0.0 MB are free")


@pytest.mark.parametrize("name", [b"t\xff.wav", b"a" * 235 + b".wav"])
def test_any_name_of_a_file_works(tiny_tflite, mixture, tmp_path, output, name):
    path = tmp_path / os.fsdecode(name)
    shutil.copy(mixture, path)
    result = run(tiny_tflite, path, "-o", output)
    assert result.exit_code == 0, result.output
    assert len(list(output.iterdir())) == 2


def test_a_result_with_too_long_a_name_is_one_line(tiny_tflite, mixture, tmp_path, output, unread):
    path = copied(mixture, tmp_path / ("a" * 251 + ".wav"))[0]
    assert_refused(run(tiny_tflite, path, "-o", output), output, "File name too long")


@pytest.mark.parametrize("name", ["M.TFLITE", "model", "model.bin"])
def test_a_model_may_be_called_anything(tiny_tflite, mixture, tmp_path, output, name):
    model = copied(tiny_tflite, tmp_path / name)[0]
    assert run(model, mixture, "-o", output).exit_code == 0
    assert run(mixture, "-o", output, "--model", model).exit_code == 0
    two = run(model, mixture, "-m", tiny_tflite)
    assert two.exit_code == 2 and "are two models" in two.stderr


def test_a_model_that_is_nearly_called_so_is_named(mixture, output):
    line = "did you mean the model fqss_int8?"
    assert_refused(run("fqss_in8", mixture, "-o", output), output, line)
    assert_refused(run("-m", "fqss_in8", mixture, "-o", output), output, "no model fqss_in8")


@pytest.mark.parametrize("options", [
    ["--format", "flac"], ["--subtype", "PCM_24"], ["--jobs", "2"], ["--json"], ["--stop"],
    ["--output", "x"], ["a.wav"],
])
def test_a_stream_takes_nothing_that_is_for_files(options):
    result = run("--stream", "-", *options)
    assert result.exit_code == 2 and f"--stream takes no {options[0]}".replace(
        "no a.wav", "no FILE: a.wav") in result.stderr


def test_files_have_their_own_rate(mixture):
    result = run(mixture, "--rate", "16000")
    assert result.exit_code == 2 and "--rate goes with --stream" in result.stderr


def test_an_input_is_never_replaced(tiny_tflite, mixture, tmp_path):
    victim = tmp_path / "mixture_speech_1.wav"
    shutil.copy(mixture, victim)
    before = victim.read_bytes()
    result = run(tiny_tflite, mixture, victim, "--output", tmp_path)
    assert result.exit_code == 2 and "would replace the input" in result.stderr
    assert victim.read_bytes() == before


def test_an_output_that_is_a_file_is_refused(tiny_tflite, mixture, tmp_path):
    output = tmp_path / "taken"
    output.write_text("mine")
    result = run(tiny_tflite, mixture, "--output", output)
    assert result.exit_code == 2 and "cannot make the folder" in result.stderr
    assert output.read_text() == "mine"


def test_a_disk_that_fills_up_leaves_nothing_behind(
    tiny_tflite, tmp_path, output, small_files_only
):
    path = tmp_path / "long.wav"
    soundfile.write(path, tone(4000), 8000)  # 8 kB, but 16 kB in the format of the result
    with small_files_only():
        result = run(tiny_tflite, path, "--output", output, "--subtype", "PCM_32")
    assert_refused(result, output, "File too large")


def test_a_really_full_disk_leaves_nothing_behind(tiny_tflite, mixture, tmp_path):
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=8k", "tmpfs", str(disk)]
    if os.geteuid() != 0 or subprocess.run(mount, capture_output=True).returncode != 0:
        pytest.skip("mounting a small disk needs root")
    try:
        result = run(tiny_tflite, mixture, "--output", disk)
        assert result.exit_code == 2 and "No space left" in result.stderr
        assert list(disk.iterdir()) == []
    finally:
        subprocess.run(["umount", str(disk)], check=True)


def test_an_interrupt_leaves_nothing_behind(tiny_tflite, mixture, output, monkeypatch):
    def interrupt(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(audio.Writer, "write", interrupt)
    result = run(tiny_tflite, mixture, "--output", output)
    assert result.exit_code == 130
    assert result.stderr.splitlines()[-1] == "interrupted"
    assert not output.exists()


def test_the_shipped_model_is_taken_if_none_is_named(mixture, output, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert run(mixture).exit_code == 0
    assert run(DEFAULT, mixture, "--output", output).exit_code == 0
    for name in ("mixture_speech_1.wav", "mixture_speech_2.wav"):
        assert (tmp_path / "separated" / name).read_bytes() == (output / name).read_bytes()


@pytest.mark.parametrize("arguments", [[], ["model.tflite"], ["model.tflite", "a.wav"]])
def test_incomplete_usage_exits_with_2(arguments):
    assert run(*arguments).exit_code == 2


def test_a_bad_file_stays_one_line_in_a_real_process(tiny_tflite, tmp_path):
    command = [sys.executable, "-m", "fqss_tf.cli.main", "separate", str(tiny_tflite), "no.wav"]
    result = subprocess.run(
        [*command, "--output", str(tmp_path / "out")], capture_output=True, text=True
    )
    assert (result.returncode, result.stdout) == (2, "")
    assert result.stderr == "error: no.wav is missing: give an audio file\n"
