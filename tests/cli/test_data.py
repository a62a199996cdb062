import json

import numpy as np
import pytest
import soundfile
from click.testing import CliRunner
from data_trees import (
    make_librimix,
    make_named_sources,
    make_speakers,
    make_stems,
    tones,
    write_audio,
)

from fqss_tf.cli.main import main


def run(*arguments, exit_code=0):
    result = CliRunner().invoke(main, ["data", *map(str, arguments)])
    assert result.exit_code == exit_code, (result.output, result.exception)
    return result


@pytest.mark.parametrize(
    ("make", "kind", "lines"),
    [
        (make_librimix, "LibriMix, 72 files", [
            "wav8k/min sep_clean train: 6 mixtures, 8 speakers, 12 clips",
            "wav8k/min sep_noisy dev: 3 mixtures, 4 speakers, 6 clips",
            "wav8k/min enh_single test: 3 mixtures, 3 speakers, 3 clips",
        ]),
        (make_stems, "MUSDB18-HQ, 20 files", ["train: 2 mixtures", "test: 1 mixtures"]),
        (lambda root: make_speakers(root, {"train": ("a", "b")}), "speaker folders, 4 files",
         ["train: 2 speakers, 4 clips"]),
        (make_named_sources, "named sources, 7 files", ["train: 4 speakers, 7 clips"]),
    ],
)
def test_check_says_what_there_is(tmp_path, make, kind, lines):
    make(tmp_path)
    output = run("check", tmp_path).stdout.splitlines()
    assert output[0] == kind and output[-1] == "nothing is wrong"
    for line in lines:
        assert any(found.endswith(line) for found in output), output


@pytest.fixture
def broken_speakers(tmp_path):
    """One of each: corrupt, empty, no audio, NaN, another rate; and a speaker in two parts."""
    make_speakers(tmp_path, {"train": tuple("abcdef"), "dev": ("f", "g")})
    path = tmp_path / "train/a/a-0.flac"
    content = path.read_bytes()
    path.write_bytes(content[:5000] + bytes(3000) + content[8000:])
    (tmp_path / "train/b/b-0.flac").write_bytes(b"")
    (tmp_path / "train/c/c-0.flac").write_text("text")
    write_audio(tmp_path / "train/e/fast.flac", tones(1, 10000, 16000), 16000)
    wrong = tones(1, 10000)
    wrong[5000] = np.nan
    soundfile.write(tmp_path / "train/d/nan.wav", wrong, 8000, subtype="FLOAT")
    return tmp_path


def test_check_names_everything_that_is_wrong(broken_speakers):
    lines = run("check", broken_speakers, exit_code=1).stdout.splitlines()
    wrong = [line for line in lines if line.startswith("wrong: ")]
    for part in (
        "a-0.flac is damaged or cut short", "b-0.flac: is empty, 0 bytes",
        "c-0.flac: cannot be read as audio", "nan.wav holds NaN or infinite samples",
        "fast.flac: has 16000 Hz, most clips have 8000 Hz", "speaker f is in train and in dev",
    ):
        assert sum(part in line for line in wrong) == 1, wrong
    assert len(wrong) == 6 and lines[-1] == "6 problems"
    quick = json.loads(run("check", broken_speakers, "--headers", "--json", exit_code=1).stdout)
    assert len(quick["problems"]) == 4 and quick["kind"] == "speaker folders"


def test_check_names_each_broken_row_of_librimix(tmp_path):
    folder = make_librimix(tmp_path, ("dev",), mixtures=4) / "wav8k" / "min"
    files = [sorted((folder / "dev" / name).iterdir()) for name in ("s1", "s2", "noise")]
    files[0][0].unlink()
    files[1][1].write_bytes(b"")
    write_audio(files[1][2], tones(1, 9000, 16000), 16000)
    write_audio(files[2][3], tones(1, 8000))
    result = run("check", tmp_path, "--json", exit_code=1)
    clean = [
        line for line in json.loads(result.stdout)["problems"] if "mix_clean.csv" in line
    ]
    assert [line.split(": ")[0].rsplit(" ", 1)[1] for line in clean] == ["2", "3", "4"]
    for line, part in zip(clean, ("is missing", "is empty, 0 bytes", "has 16000 Hz"), strict=True):
        assert part in line
    noisy = [line for line in json.loads(result.stdout)["problems"] if "mix_both.csv" in line]
    assert len(noisy) == 4 and "has 8000 samples but the row says 9000" in noisy[-1]


def test_what_is_no_data_set_is_one_line(tmp_path):
    for command in ("check", "stats"):
        result = run(command, tmp_path, exit_code=2)
        assert result.stderr.startswith(f"error: {tmp_path}: is no data set")


def test_mix_then_check_then_stats_then_plots(tmp_path):
    make_speakers(tmp_path / "in", {p: (f"{p}1", f"{p}2") for p in ("train", "dev", "test")},
                  samples=12000)
    made = json.loads(run(
        "mix", tmp_path / "in", "--output", tmp_path / "set", "--least-seconds", 1,
        "--mixtures", "3,2,1", "--json",
    ).stdout)
    assert {part: row["mixtures"] for part, row in made["parts"].items()} == {
        "train": 3, "dev": 2, "test": 1
    }
    assert run("check", tmp_path / "set").stdout.splitlines()[-1] == "nothing is wrong"
    rows = json.loads(run("stats", tmp_path / "set", "--json").stdout)
    assert [row["part"] for row in rows] == ["train", "dev", "test"]
    assert rows[0]["mixtures"] == 3 and rows[0]["speakers"] == 2 and rows[0]["rates"] == [8000]
    assert rows[0]["mixture_hours"] == pytest.approx(3 * 1.5 / 3600)
    assert rows[0]["seconds"] == pytest.approx([1.5] * 3)
    low, _, high = rows[0]["loudness"]
    assert -33.3 < low < high < -24.7
    result = run("stats", tmp_path / "set", "--plots", tmp_path / "plots")
    assert (tmp_path / "plots" / "data_1.png").read_bytes().startswith(b"\x89PNG")
    assert result.stdout.splitlines()[1].split()[:4] == ["wav8k/min", "sep_clean", "train", "3"]


@pytest.mark.parametrize(
    ("make", "hours"),
    [
        (lambda root: make_speakers(root, {"train": ("a", "b")}, samples=8000), ("clip_hours", 4)),
        (lambda root: make_stems(root, samples=8000), ("mixture_hours", 2)),
    ],
)
def test_stats_of_other_kinds(tmp_path, make, hours):
    make(tmp_path)
    row = json.loads(run("stats", tmp_path, "--files", 1, "--json").stdout)[0]
    key, seconds = hours
    assert row["part"] == "train" and row[key] == pytest.approx(seconds / 3600)


def test_mistakes_of_mix_are_named_and_leave_nothing(tmp_path):
    make_speakers(tmp_path / "in", {"train": ("a", "b")})
    output = tmp_path / "set"
    for arguments, message in (
        (["--mixtures", "3"], "--mixtures 3: give three numbers, for train, dev, test"),
        (["--split", "0,0,0"], "--split 0,0,0: give three numbers"),
        (["--least-seconds", "9", "--most-seconds", "4"], "--most-seconds is below"),
        (["--sources", "3"], "mixing needs at least 3 speakers"),
        (["--least-seconds", "9"], "0 different mixtures"),
        (["--noise", tmp_path / "no"], "no: holds no audio files"),
    ):
        result = run("mix", tmp_path / "in", "--output", output, *arguments, exit_code=2)
        assert message in result.stderr, result.stderr
    assert [entry.name for entry in tmp_path.iterdir()] == ["in"]


def test_throughput():
    result = run("throughput", "two-voices", "--seconds", 0.5, "--json")
    found = json.loads(result.stdout)
    assert found["audio_seconds"] > 0 and found["cpu_seconds_per_audio_second"] > 0
    assert found["times_real_time"] == pytest.approx(
        found["audio_seconds"] / found["wall_seconds"]
    )


def test_check_names_a_clip_of_a_source_in_two_parts_and_lets_kinds_of_sound_be(tmp_path):
    make_named_sources(tmp_path, "train")
    make_named_sources(tmp_path, "test", samples=6000)
    assert run("check", tmp_path).stdout.endswith("nothing is wrong\n")
    copied = tmp_path / "train" / "voice" / "anna" / "0.flac"
    (tmp_path / "test" / "voice" / "anna" / "0.flac").write_bytes(copied.read_bytes())
    output = run("check", tmp_path, exit_code=1).stdout
    assert f"wrong: {tmp_path}: voice/anna: 0.flac is in train and in test\n" in output


def test_mix_sources_makes_mixtures_beside_what_they_are_made_of(tmp_path):
    make_named_sources(tmp_path, "dev")
    folders = [f"{name}={tmp_path / 'dev' / name}" for name in ("voice", "background")]
    result = run("mix-sources", *folders, "--output", tmp_path / "dev", "--mixtures", 3,
                 "--seconds", 0.5, "--snr", 0, 6, "--rate", 8000)
    assert result.stdout.splitlines()[-1] == f"finished: {tmp_path / 'dev'}, 3 mixtures"
    lines = run("check", tmp_path).stdout.splitlines()
    assert lines[0] == "named sources, 13 files"
    assert "dev: 3 mixtures, 4 speakers, 7 clips" in lines[1]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["a=x", "b"], "b: write NAME=DIR, each name once"),
        (["a=x", "a=y"], "a=y: write NAME=DIR, each name once"),
        (["a=x"], "give two sources or more"),
        (["a=x", "b=y", "--snr", "5", "1"], "--snr: LOW is above HIGH"),
    ],
)
def test_mix_sources_says_what_is_wrong_with_the_command(tmp_path, arguments, message):
    result = run("mix-sources", *arguments, "--output", tmp_path / "set", exit_code=2)
    assert message in result.stderr
