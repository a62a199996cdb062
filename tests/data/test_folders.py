import numpy as np
import pytest
import soundfile
from joined_files import encoded, flac_of_unknown_length, variable_rate_mp3, with_data_size

from fqss_tf import audio
from fqss_tf.config import DataRecipe
from fqss_tf.data.clips import read_clip
from fqss_tf.data.folders import scan_speakers
from fqss_tf.data.mixtures import Piece
from fqss_tf.data.plan import MixturePlan, TrainingSources
from fqss_tf.errors import FqssError

NOISE = np.random.default_rng(0).uniform(-0.5, 0.5, 8000)


def make_tree(root, names):
    for name in names:
        path = root / "train" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        soundfile.write(path, NOISE, 8000)
    return root


def test_lists_every_clip_of_every_speaker(tmp_path):
    make_tree(tmp_path, ["b/1.wav", "a/2.flac", "a/1.wav"])
    (tmp_path / "train" / "a" / "notes.txt").write_text("no audio")
    speakers = scan_speakers(tmp_path, "train")
    assert [speaker.name for speaker in speakers] == ["a", "b"]
    assert [clip.path.rsplit("/", 1)[1] for clip in speakers[0].clips] == ["1.wav", "2.flac"]
    assert speakers[0].clips[0].frames == 8000 and speakers[0].clips[0].rate == 8000


def test_clips_may_lie_in_chapters(tmp_path):
    make_tree(tmp_path, ["103/1240/103-1240-0000.flac", "103/1241/103-1241-0000.flac", "b/1.wav"])
    assert [len(speaker.clips) for speaker in scan_speakers(tmp_path, "train")] == [2, 1]


def test_the_same_name_in_two_roots_is_two_speakers(tmp_path):
    roots = [make_tree(tmp_path / name, ["a/1.wav"]) for name in ("x", "y")]
    assert len({speaker.group for speaker in scan_speakers(roots, "train")}) == 2


def test_speakers_of_a_group_are_never_mixed(tmp_path):
    make_tree(tmp_path, ["a/1.wav", "b/1.wav", "c/1.wav", "d/1.wav"])
    (tmp_path / "train" / "groups.csv").write_text("speaker,group\na,actor\nb,actor\nc,d\n")
    material = TrainingSources(tuple(scan_speakers(tmp_path, "train")))
    plan = MixturePlan(
        material, DataRecipe(), sources=2, segment_samples=800, batch_size=8, seed=0
    )
    pairs = {tuple(sorted(pair)) for n in range(50) for pair in plan.batch(n).speakers}
    assert pairs == {(0, 2), (0, 3), (1, 2), (1, 3), (2, 3)}


def test_a_speaker_without_a_group_is_one_alone(tmp_path):
    make_tree(tmp_path, ["a/1.wav", "b/1.wav", "c/1.wav"])
    (tmp_path / "train" / "groups.csv").write_text("speaker,group\na,\nb,\nc\n")
    groups = [speaker.group for speaker in scan_speakers(tmp_path, "train")]
    assert len(set(groups)) == 3


def test_one_group_alone_cannot_be_mixed(tmp_path):
    make_tree(tmp_path, ["a/1.wav", "b/1.wav"])
    (tmp_path / "train" / "groups.csv").write_text("speaker,group\na,actor\nb,actor\n")
    with pytest.raises(FqssError, match="at least two speakers"):
        scan_speakers(tmp_path, "train")


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda train: (train / "a" / "1.wav").unlink(), "a: holds no"),
        (lambda train: (train / "a" / "1.wav").write_text("text"), "1.wav: cannot be read"),
        (lambda train: soundfile.write(train / "a/1.wav", NOISE[:0], 8000), "holds no samples"),
        (lambda train: soundfile.write(train / "a/1.wav", NOISE, 8000, "ULAW"), "WAV ULAW"),
        (lambda train: (train / "groups.csv").write_text("who\na\n"), "columns speaker,group"),
        (lambda train: (train / "groups.csv").write_text("speaker,group\nz,g\n"), "speaker z"),
        (
            lambda train: (train / "groups.csv").write_bytes(b"speaker,group\na,M\xfcller\n"),
            "groups.csv: it must be a CSV file in UTF-8",
        ),
    ],
)
def test_the_first_thing_wrong_is_named(tmp_path, spoil, message):
    make_tree(tmp_path, ["a/1.wav", "b/1.wav"])
    spoil(tmp_path / "train")
    with pytest.raises(FqssError, match=message):
        scan_speakers(tmp_path, "train")


def test_a_missing_part_and_an_empty_part_are_named(tmp_path):
    with pytest.raises(FqssError, match="train: no such folder"):
        scan_speakers(tmp_path, "train")
    (tmp_path / "train").mkdir()
    with pytest.raises(FqssError, match="no speaker folders"):
        scan_speakers(tmp_path, "train")


@pytest.mark.parametrize("name, content", [
    ("zero.wav", with_data_size(encoded("WAV"), 0)), ("pipe.flac", flac_of_unknown_length()),
    ("joined.wav", encoded("WAV") * 2), ("joined.ogg", encoded("OGG", "VORBIS") * 2),
])  # fmt: skip
def test_a_clip_is_as_long_as_its_samples(tmp_path, name, content):
    (tmp_path / name).write_bytes(content)
    clip = read_clip(tmp_path / name)
    assert clip.frames == 8000 * (1 + name.startswith("joined"))
    last = Piece(clip, clip.frames - 4000, 4000).read()
    assert np.array_equal(last, audio.read(tmp_path / name)[0][-4000:, 0])


def test_a_clip_of_mpeg_frames_is_as_long_as_they_are(tmp_path):
    path = tmp_path / "a.mp3"
    path.write_bytes(bytes(1000) + variable_rate_mp3()[0])
    assert read_clip(path).frames == len(audio.read(path)[0])


def test_a_cut_clip_is_refused(tmp_path):
    (tmp_path / "a.wav").write_bytes(encoded("WAV")[:-100])
    with pytest.raises(FqssError, match="a.wav: is cut short; replace or remove it"):
        read_clip(tmp_path / "a.wav")
