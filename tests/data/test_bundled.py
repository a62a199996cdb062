from pathlib import Path

import numpy as np
import pytest
import soundfile

import fqss_tf

BUNDLE = Path(fqss_tf.__file__).parent / "bundled" / "speech"
PARTS = ("train", "dev", "test")


def speakers(part):
    return {entry.name for entry in (BUNDLE / part).iterdir() if entry.is_dir()}


def clips():
    return [path for part in PARTS for path in sorted((BUNDLE / part).glob("*/*.flac"))]


def test_the_bundle_stays_small():
    assert sum(path.stat().st_size for path in BUNDLE.rglob("*") if path.is_file()) <= 6_000_000


def test_speakers_are_disjoint_and_varied():
    names = [speakers(part) for part in PARTS]
    assert len(set.union(*names)) == sum(len(part) for part in names)
    assert len(names[0]) >= 10 and len(names[1]) >= 2 and len(names[2]) >= 4


def test_no_file_is_in_the_bundle_twice():
    contents = [soundfile.read(path, dtype="int16")[0].tobytes() for path in clips()]
    assert len(set(contents)) == len(contents)


@pytest.mark.parametrize("part", PARTS)
def test_credits_name_every_speaker_folder(part):
    credits = (BUNDLE / "CREDITS.md").read_text(encoding="utf-8")
    for speaker in speakers(part):
        assert f"`{part}/{speaker}`" in credits


def test_credits_point_at_licence_texts_that_are_there():
    credits = (BUNDLE / "CREDITS.md").read_text(encoding="utf-8")
    texts = list((BUNDLE / "licences").iterdir())
    assert len(texts) == 3
    for text in texts:
        assert f"(licences/{text.name})" in credits
        assert text.stat().st_size > 500


def test_clips_are_8_khz_16_bit_mono_loud_and_without_offset():
    for path in clips():
        info = soundfile.info(path)
        assert (info.samplerate, info.channels, info.subtype) == (8000, 1, "PCM_16"), path
        assert 4 <= info.duration <= 8, path
        waveform, _ = soundfile.read(path)
        assert 0.85 <= np.abs(waveform).max() <= 0.9, path
        assert abs(waveform.mean()) < 1e-4, path
