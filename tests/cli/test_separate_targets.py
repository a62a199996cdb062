"""Where ``separate`` writes: whole files or none, and what cannot be written is found first."""

import os
import shutil
import subprocess

import pytest
import soundfile
from separating import assert_refused, copied, run, tone

from fqss_tf import audio
from fqss_tf.runtime import Separator


@pytest.mark.parametrize("options", [("--format", "xyz"), ("--subtype", "PCM_99")])
def test_an_unknown_format_is_refused(tiny_tflite, mixture, output, options):
    result = run(tiny_tflite, mixture, "--output", output, *options)
    assert_refused(result, output, "cannot encode")
    assert " object at " not in result.stderr


def test_results_of_an_earlier_run_are_replaced(tiny_tflite, mixture, output):
    output.mkdir()
    (output / "mixture_speech_1.wav").write_text("old")
    assert run(tiny_tflite, mixture, "--output", output).exit_code == 0
    assert soundfile.info(output / "mixture_speech_1.wav").frames == 3000


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
