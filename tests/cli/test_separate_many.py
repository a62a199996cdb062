"""``separate`` of many files: some fail, some have the same name, some lie in folders."""

import errno
import json
from pathlib import Path

import numpy as np
import pytest
import soundfile
from separating import assert_refused, copied, results, run, tone

from fqss_tf import audio


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
