import csv
import json

import numpy as np
import pytest
import soundfile
from data_trees import RATE, make_speakers, tones, write_audio
from hypothesis import example, given
from hypothesis import strategies as st

from fqss_tf.data.bad_files import BadFilePolicy
from fqss_tf.data.clips import Clip
from fqss_tf.data.folders import Speaker
from fqss_tf.data.librimix import LibriMix
from fqss_tf.data.loudness import loudness
from fqss_tf.data.make_librimix import MixOptions, make_librimix
from fqss_tf.data.utterances import find_speakers, labels_of, utterances_of
from fqss_tf.errors import FqssError

NAMES = {"train": ("a_x", "b", "c"), "dev": ("d", "e"), "test": ("f", "g")}
SHORT = MixOptions(least_seconds=1.0)


@pytest.fixture(scope="module")
def speech(tmp_path_factory):
    return make_speakers(tmp_path_factory.mktemp("speech"), NAMES, clips=3, samples=12000)


def test_the_set_is_read_as_librimix_and_follows_its_rules(speech, tmp_path):
    made = make_librimix([speech], tmp_path / "set", SHORT)
    data_set = LibriMix(tmp_path / "set")
    assert data_set.parts == ("train", "dev", "test")
    for part, (count, seconds, speakers) in made.items():
        mixtures = data_set.mixtures(part)
        assert len(mixtures) == count and speakers == len(NAMES[part])
        assert sum(mixture.seconds for mixture in mixtures) == pytest.approx(seconds)
        names = {name.replace("_", ".") for name in NAMES[part]}
        assert {s.name for s in data_set.speakers(part)} == names
        for entry in mixtures:
            mixture, sources = entry.load()
            assert entry.labels[0] != entry.labels[1]
            np.testing.assert_allclose(mixture, sources.sum(axis=0), atol=2 / 2**15)
            assert np.abs(mixture).max() <= 0.9 + 1e-4
            for source in sources:
                assert -33.3 < loudness(source, RATE) < -24.7
    with open(tmp_path / "set/wav8k/min/metadata/metrics_dev_mix_clean.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    for row, entry in zip(rows, data_set.mixtures("dev"), strict=True):
        _, (first, second) = entry.load()
        snr = 10 * np.log10(np.mean(first**2) / np.mean(second**2))
        assert float(row["source_1_SNR"]) == pytest.approx(snr, abs=0.02)
        assert float(row["source_2_SNR"]) == pytest.approx(-snr, abs=0.02)


def test_each_utterance_is_used_once_unless_more_mixtures_are_asked_for(speech, tmp_path):
    make_librimix([speech], tmp_path / "once", SHORT)
    entries = LibriMix(tmp_path / "once").mixtures("train")
    used = [part for entry in entries for part in entry.mixture_id.split("_")]
    assert len(used) == len(set(used)) >= 6  # of 9; three speakers of three may leave some over
    options = MixOptions(least_seconds=1.0, counts=(20, 1, 5))
    make_librimix([speech], tmp_path / "more", options)
    data_set = LibriMix(tmp_path / "more")
    assert [len(data_set.mixtures(part)) for part in data_set.parts] == [20, 1, 5]
    assert len({frozenset(m.mixture_id.split("_")) for m in data_set.mixtures("train")}) == 20
    with pytest.raises(FqssError, match="27 different mixtures .* are all that 3 speakers give"):
        options = MixOptions(least_seconds=1.0, counts=(28, 1, 1))
        make_librimix([speech], tmp_path / "too_many", options)
    assert not (tmp_path / "too_many").exists()


def test_the_seed_decides(speech, tmp_path):
    for name, seed in (("one", 0), ("same", 0), ("other", 1)):
        make_librimix([speech], tmp_path / name, MixOptions(least_seconds=1.0, seed=seed))
    files = {
        name: {
            path.relative_to(tmp_path / name): path.read_bytes()
            for path in sorted((tmp_path / name).rglob("*.wav"))
        }
        for name in ("one", "same", "other")
    }
    assert files["one"] == files["same"] != files["other"]


def test_noise_and_max_mode_and_three_sources(speech, tmp_path):
    rng = np.random.default_rng(0)
    write_audio(tmp_path / "noise" / "n.wav", rng.normal(0, 0.1, 7000))
    write_audio(speech / "train" / "a_x" / "long.flac", tones(50, 20000))
    options = MixOptions(sources=3, mode="max", least_seconds=1.0, split=(1, 0, 0))
    root = speech / "train"
    make_librimix([root], tmp_path / "set", options, noise=[tmp_path / "noise"])
    (speech / "train" / "a_x" / "long.flac").unlink()
    noisy = LibriMix(tmp_path / "set", task="sep_noisy").mixtures("train")
    assert max(entry.samples for entry in noisy) == 20000
    for entry in noisy:
        mixture, sources = entry.load()
        noise = entry.noise.read()
        assert len(sources) == 3
        np.testing.assert_allclose(mixture, sources.sum(axis=0) + noise, atol=3 / 2**15)
        assert -38.3 < loudness(noise, RATE) < -29.7
    single = LibriMix(tmp_path / "set", task="enh_single").mixtures("train")[0]
    mixture, sources = single.load()
    np.testing.assert_allclose(mixture, sources[0] + single.noise.read(), atol=2 / 2**15)


def test_one_source_makes_an_enhancement_set(speech, tmp_path):
    write_audio(tmp_path / "noise" / "n.wav", np.random.default_rng(0).normal(0, 0.1, 7000))
    options = MixOptions(sources=1, least_seconds=1.0)
    with pytest.raises(FqssError, match="one source alone is no mixture: .* --noise"):
        make_librimix([speech], tmp_path / "set", options)
    made = make_librimix([speech], tmp_path / "set", options, noise=[tmp_path / "noise"])
    assert made["train"][0] == 9 and made["test"][2] == 2  # each utterance of each speaker once
    data_set = LibriMix(tmp_path / "set", task="enh_single")
    for entry in data_set.mixtures("test"):
        mixture, sources = entry.load()
        assert len(sources) == 1 and entry.labels[0] in ("f", "g")
        np.testing.assert_allclose(mixture, sources[0] + entry.noise.read(), atol=2 / 2**15)
    folders = {path.name for path in (tmp_path / "set/wav8k/min/test").iterdir()}
    assert folders == {"s1", "noise", "mix_single"}


@pytest.mark.parametrize("layout", ["folders", "files", "chapters"])
def test_speakers_without_parts_are_parted(tmp_path, layout):
    for number in range(10):
        name = f"{number}-1-0000.flac"
        path = {"folders": f"{number}/{name}", "files": name, "chapters": f"{number}/1/{name}"}
        write_audio(tmp_path / "in" / path[layout], tones(number, 10000))
    options = MixOptions(least_seconds=1.0, split=(0.6, 0.2, 0.2))
    made = make_librimix([tmp_path / "in"], tmp_path / "set", options)
    assert {part: speakers for part, (_, _, speakers) in made.items()} == {
        "train": 6, "dev": 2, "test": 2
    }
    origin = json.loads((tmp_path / "set" / "origin.json").read_text())
    parted = [name for names in origin["speakers"].values() for name in names]
    assert sorted(parted) == sorted(map(str, range(10)))
    ids = [m.mixture_id for m in LibriMix(tmp_path / "set").mixtures("train")]
    assert all(len(i.split("_")) == 2 and i.endswith("-1-0000") for i in ids)


def test_too_few_speakers_for_a_part_are_counted(tmp_path):
    for number in range(10):
        write_audio(tmp_path / "in" / f"{number}-1-0000.flac", tones(number, 10000))
    with pytest.raises(FqssError, match=r"part dev gets 1 of 10 speakers \(change --split"):
        make_librimix([tmp_path / "in"], tmp_path / "set", MixOptions(least_seconds=1.0))
    assert not (tmp_path / "set").exists()


def test_groups_are_kept_apart_and_handed_on(tmp_path):
    make_speakers(tmp_path / "in", {"train": ("a", "b", "c")}, samples=12000)
    (tmp_path / "in/train/groups.csv").write_text("speaker,group\na,actor\nb,actor\n")
    make_librimix([tmp_path / "in"], tmp_path / "set", SHORT)
    data_set = LibriMix(tmp_path / "set")
    assert all("c" in entry.labels for entry in data_set.mixtures("train"))
    groups = {speaker.name: speaker.group for speaker in data_set.speakers("train")}
    assert groups["a"] == groups["b"] != groups["c"]


def test_a_speaker_in_two_parts_is_refused(tmp_path):
    make_speakers(tmp_path, {"train": ("a", "b"), "dev": ("b", "c")})
    with pytest.raises(FqssError, match="speaker b is in train and in dev"):
        find_speakers([tmp_path], BadFilePolicy())


def test_a_broken_clip_stops_or_is_left_out(tmp_path):
    make_speakers(tmp_path / "in", {"train": ("a", "b", "c")}, samples=12000)
    (tmp_path / "in/train/groups.csv").write_text("speaker,group\na,x\nb,x\n")  # all need c
    path = tmp_path / "in/train/c/c-1.flac"
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])
    with pytest.raises(FqssError, match="c-1.flac: is damaged or cut short"):
        make_librimix([tmp_path / "in"], tmp_path / "set", SHORT)
    assert [entry.name for entry in tmp_path.iterdir()] == ["in"]
    bad_files = BadFilePolicy("collect")
    make_librimix([tmp_path / "in"], tmp_path / "set", SHORT, bad_files=bad_files)
    assert len(bad_files) == 1 and "c-1.flac" in bad_files.lines[0]
    LibriMix(tmp_path / "set").mixtures("train")


def test_a_used_folder_is_left_alone(speech, tmp_path):
    (tmp_path / "mine.txt").write_text("keep")
    with pytest.raises(FqssError, match="is not empty"):
        make_librimix([speech], tmp_path, SHORT)
    assert [entry.name for entry in tmp_path.iterdir()] == ["mine.txt"]


@given(
    lengths=st.lists(st.integers(1, 300), min_size=1, max_size=12),
    least=st.integers(1, 60), seed=st.integers(0, 3),
)
@example(lengths=[1, 7], least=8, seed=0)
def test_utterances_cut_and_join_without_using_anything_twice(lengths, least, seed):
    clips = tuple(Clip(f"{n}.wav", frames, 10, "int16", 1) for n, frames in enumerate(lengths))
    found = utterances_of(
        Speaker("s", ("s",), clips), "s", np.random.default_rng(seed),
        least_seconds=least / 10, most_seconds=10.0,
    )
    used = sorted(
        (part.clip.path, part.start, part.start + part.samples)
        for utterance in found for part in utterance.parts
    )
    for (path, _, end), (other, start, _) in zip(used, used[1:], strict=False):
        assert path != other or end <= start
    for utterance in found:
        assert sum(part.samples for part in utterance.parts) >= min(least, 100)
    left_over = sum(lengths) - sum(end - start for _, start, end in used)
    assert left_over < least or least > 100
    assert len({utterance.name for utterance in found}) == len(found)


def test_labels_can_be_told_apart_in_a_mixture_id():
    speakers = [Speaker(name, (), ()) for name in ("a_b", "a-b", "a.b", "c")]
    assert labels_of(speakers) == ["a.b", "a.b+", "a.b++", "c"]


def test_loudness_is_that_of_the_standard():
    """BS.1770-4: a 997 Hz sine of full scale in one channel has -3.01 LUFS, to 0.1."""
    time = np.arange(48000 * 2) / 48000
    sine = np.sin(2 * np.pi * 997 * time)
    assert loudness(sine, 48000) == pytest.approx(-3.01, abs=0.1)
    assert loudness(0.1 * sine, 48000) == pytest.approx(-23.01, abs=0.1)
    assert loudness(np.zeros(48000), 48000) == -np.inf
    assert loudness(sine[:1000], 48000) == -np.inf


def test_files_of_another_rate_are_resampled(tmp_path):
    for name in "ab":
        write_audio(tmp_path / "in/train" / name / "1.wav", tones(3, 32000, 16000), 16000)
    make_librimix([tmp_path / "in"], tmp_path / "set", SHORT)
    entry = LibriMix(tmp_path / "set").mixtures("train")[0]
    assert (entry.rate, entry.samples) == (8000, 16000)
    assert soundfile.info(entry.sources[0].clip.path).subtype == "PCM_16"
