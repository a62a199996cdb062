import numpy as np
import pytest
from data_trees import MUSDB_STEMS, make_speakers, make_stems, tones, write_audio

from fqss_tf.data.bad_files import BadFilePolicy
from fqss_tf.data.sets import open_data_set
from fqss_tf.data.stems import StemFolders
from fqss_tf.errors import FqssError


def test_musdb_is_recognised_with_its_own_validation_tracks(tmp_path):
    data_set = open_data_set(make_stems(tmp_path))
    assert (data_set.kind, data_set.stems) == ("MUSDB18-HQ", MUSDB_STEMS)
    names = {p: [m.mixture_id for m in data_set.mixtures(p)] for p in ("train", "dev", "test")}
    assert names == {
        "train": ["A Band - One", "B Band - Two"], "dev": ["Leaf - Summerghost"],
        "test": ["C Band - Three"],
    }
    mixture, sources = data_set.mixtures("test")[0].load()
    assert sources.shape == (4, 30000)
    np.testing.assert_allclose(mixture, sources.sum(axis=0), atol=3e-4)
    np.testing.assert_allclose(sources[0], 0.45 * tones(13, 30000), atol=1e-4)


def test_aligned_stems_of_any_name(tmp_path):
    make_stems(tmp_path, {"train": ("a", "b")}, ("song", "guitar"), mixture=False, suffix="flac")
    data_set = open_data_set(tmp_path)
    assert (data_set.kind, data_set.stems) == ("stems", ("guitar", "song"))
    (tmp_path / "train" / ".ipynb_checkpoints").mkdir()
    assert open_data_set(tmp_path).stems == data_set.stems
    ordered = open_data_set(tmp_path, sources=("song", "guitar")).mixtures("train")[0]
    plain = data_set.mixtures("train")[0]
    assert ordered.sources == plain.sources[::-1] and plain.mixture is None
    mixture, sources = plain.load()
    np.testing.assert_array_equal(mixture, sources.sum(axis=0))


def test_an_excerpt_is_the_middle_of_all(tmp_path):
    entry = open_data_set(make_stems(tmp_path)).mixtures("test")[0]
    mixture, sources = entry.load()
    middle, middle_sources = entry.excerpt(0.5).load()
    np.testing.assert_array_equal(middle, mixture[13000:17000])
    np.testing.assert_array_equal(middle_sources, sources[:, 13000:17000])
    assert entry.excerpt(100.0) == entry


def test_channels_are_averaged_unless_they_are_kept(tmp_path):
    left, right = tones(3, 30000), tones(5, 30000)
    for stem in ("song", "guitar"):
        write_audio(tmp_path / "test" / "a" / f"{stem}.wav", np.stack([left, right], axis=1) / 3)
    entry = open_data_set(tmp_path).mixtures("test")[0]
    mixture, sources = entry.load(keep_channels=True)
    assert mixture.shape == (30000, 2) and sources.shape == (2, 30000, 2)
    np.testing.assert_allclose(sources[0, :, 0], left / 3, atol=1e-4)
    of_one, sources_of_one = entry.load()
    np.testing.assert_allclose(mixture.mean(axis=1), of_one, atol=1e-6)
    np.testing.assert_allclose(sources.mean(axis=2), sources_of_one, atol=1e-6)


def test_stems_of_different_channels_are_named_where_they_are_kept(tmp_path):
    tone = tones(3, 30000) / 3
    write_audio(tmp_path / "test" / "a" / "song.wav", np.stack([tone, tone], axis=1))
    write_audio(tmp_path / "test" / "a" / "guitar.wav", tone)
    entry = open_data_set(tmp_path).mixtures("test")[0]
    with pytest.raises(FqssError, match=r"song.wav has 2 channels and .*guitar.wav has 1"):
        entry.load(keep_channels=True)
    entry.load()


def test_numbered_clips_of_speakers_are_no_stems(tmp_path):
    make_speakers(tmp_path, {"train": ("a", "b")})
    for name in "ab":
        for path in sorted((tmp_path / "train" / name).iterdir()):
            path.rename(path.with_name(path.name[2:]))
    assert open_data_set(tmp_path).kind == "speaker folders"


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda track: (track / "bass.wav").unlink(), "bass.wav: is missing"),
        (lambda track: write_audio(track / "other.wav", tones(1, 29000)),
         "other.wav: has 29000 samples but drums has 30000; aligned stems are equally long"),
        (lambda track: write_audio(track / "vocals.wav", tones(1, 30000), 44100),
         "vocals.wav: has 44100 Hz but drums has 8000 Hz"),
        (lambda track: (track / "mixture.wav").write_bytes(b""), "mixture.wav: is empty, 0 bytes"),
        (lambda track: (track / "bass.wav").write_bytes(b"RIFF"), "bass.wav: cannot be read as"),
    ],
)
def test_a_broken_track_is_named_and_may_be_left_out(tmp_path, spoil, message):
    make_stems(tmp_path)
    spoil(tmp_path / "train" / "B Band - Two")
    with pytest.raises(FqssError, match=message):
        StemFolders(tmp_path).mixtures("train")
    bad_files = BadFilePolicy("skip")
    assert len(StemFolders(tmp_path, bad_files=bad_files).mixtures("train")) == 1
    assert len(bad_files) == 1


def test_stems_that_are_not_there(tmp_path):
    make_stems(tmp_path)
    with pytest.raises(FqssError, match="but data.sources names vocals, piano"):
        open_data_set(tmp_path, sources=("vocals", "piano"))


@pytest.mark.parametrize("content", [(), ("notes.txt",)])
def test_what_is_no_data_set(tmp_path, content):
    for name in content:
        (tmp_path / name).write_text("no audio")
    with pytest.raises(FqssError, match="is no data set; expected train/<speaker>"):
        open_data_set(tmp_path)
    with pytest.raises(FqssError, match="nowhere: no such folder"):
        open_data_set(tmp_path / "nowhere")


def test_stems_in_one_file_are_to_be_unpacked(tmp_path):
    (tmp_path / "train").mkdir()
    (tmp_path / "train" / "A Band - One.stem.mp4").touch()
    with pytest.raises(FqssError, match="stem.mp4 holds all stems in one file: .*ffmpeg -i FILE"):
        open_data_set(tmp_path)


def test_tracks_of_nothing_but_the_mixture_are_refused(tmp_path):
    write_audio(tmp_path / "train" / "a" / "mixture.wav", tones(1, 800))
    with pytest.raises(FqssError, match="its tracks hold no stems"):
        StemFolders(tmp_path)
