import re
from pathlib import Path

import numpy as np
import pytest
import soundfile

import fqss_tf
from fqss_tf.data.check import check_data_set
from fqss_tf.data.source_folders import VOICE_AND_BACKGROUND, SourceFolders

BUNDLE = Path(fqss_tf.__file__).parent / "bundled" / "audio"
PARTS = ("train", "dev", "test")


def names(part, source):
    """The people, and the files of backgrounds."""
    depth = 1 if source == "voice" else 2
    return {path.name for path in (BUNDLE / part / source).glob("/".join("*" * depth))
            if path.suffix != ".csv"}


def clips():
    return [path for part in PARTS for path in sorted((BUNDLE / part).rglob("*.*"))
            if path.suffix in (".flac", ".ogg")]


def credits():
    return (BUNDLE / "CREDITS.md").read_text(encoding="utf-8")


def test_the_bundle_stays_small():
    assert sum(path.stat().st_size for path in BUNDLE.rglob("*") if path.is_file()) <= 10_000_000


def test_it_is_a_good_data_set_of_voice_and_background():
    report = check_data_set("bundled", decode=False)
    assert report.kind == SourceFolders.kind and report.problems == []
    assert [row["mixtures"] for row in report.parts] == [0, 24, 96]


@pytest.mark.parametrize("source", VOICE_AND_BACKGROUND)
def test_people_and_sounds_of_the_parts_are_disjoint_and_varied(source):
    found = [names(part, source) for part in PARTS]
    assert len(set.union(*found)) == sum(map(len, found))
    assert len(found[0]) >= 16 and len(found[1]) >= 8 and len(found[2]) >= 12


def test_every_part_has_music_and_noise():
    for part in PARTS:
        kinds = {path.name for path in (BUNDLE / part / "background").iterdir()}
        assert kinds == {"music", "noise"}


def test_no_file_is_in_the_bundle_twice():
    contents = [soundfile.read(path, dtype="int16")[0].tobytes() for path in clips()]
    assert len(set(contents)) == len(contents)


@pytest.mark.parametrize("part", PARTS)
def test_credits_name_every_voice_and_every_background(part):
    for path in (BUNDLE / part / "voice").iterdir():
        assert path.suffix == ".csv" or f"`{part}/voice/{path.name}`" in credits()
    for path in (BUNDLE / part / "background").glob("*/*"):
        assert f"`{path.relative_to(BUNDLE).as_posix()}`" in credits()


def test_credits_name_nothing_else_and_only_free_licenses():
    named = set(re.findall(r"`((?:train|dev|test)/[^`]+)`", credits()))
    assert all((BUNDLE / name).exists() for name in named)
    of_backgrounds = re.findall(r"^\| `.*/background/.* \| ([^|]+) \|$", credits(), re.MULTILINE)
    assert len(of_backgrounds) == sum(len(names(part, "background")) for part in PARTS)
    assert set(of_backgrounds) == {
        "CC0", "CC BY", "CC BY 4.0", "CC BY-SA 3.0", "GPL-2 or later", "public domain",
    }


def test_credits_point_at_license_texts_that_are_there():
    texts = list((BUNDLE / "licenses").iterdir())
    assert len(texts) == 2
    for text in texts:
        assert f"(licenses/{text.name})" in credits()
        assert text.stat().st_size > 500


def test_clips_are_16_khz_mono_loud_and_without_offset():
    for path in clips():
        info = soundfile.info(path)
        assert (info.samplerate, info.channels) == (16000, 1), path
        assert info.subtype == ("PCM_16" if path.suffix == ".flac" else "VORBIS"), path
        assert 8 <= info.duration <= 10, path
        waveform, _ = soundfile.read(path)
        assert 0.85 <= np.abs(waveform).max() <= 0.95, path
        assert abs(waveform.mean()) < 1e-3, path
