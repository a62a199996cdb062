import csv

import numpy as np
import pytest
import soundfile
from data_trees import RATE, make_librimix, tones, write_audio

from fqss_tf.data.bad_files import BadFilePolicy
from fqss_tf.data.librimix import LibriMix, mode_folders
from fqss_tf.data.sets import open_data_set
from fqss_tf.errors import FqssError


@pytest.fixture
def tree(tmp_path):
    return make_librimix(tmp_path / "Libri2Mix")


def change_row(path, line, **changes):
    with open(path, newline="") as file:
        rows = list(csv.DictReader(file))
    rows[line - 2] |= changes
    with open(path, "w", newline="") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(rows)


def test_every_part_is_read_wherever_the_tree_was_made(tree):
    data_set = open_data_set(tree)
    assert (data_set.kind, data_set.sample_rate) == ("LibriMix", RATE)
    assert data_set.parts == ("train", "dev", "test")
    assert [len(data_set.mixtures(part)) for part in data_set.parts] == [6, 3, 3]
    first = data_set.mixtures("dev")[0]
    mixture, sources = first.load()
    assert sources.shape == (2, 9000) and first.labels == ("300", "301")
    np.testing.assert_allclose(sources[1], tones(301, 9000), atol=1e-4)
    np.testing.assert_allclose(mixture, sources.sum(axis=0), atol=1e-4)


def test_a_subset_is_chosen(tree):
    ids = {m.mixture_id for m in LibriMix(tree, subset="train-100").mixtures("train")}
    assert len(ids) == 3 and all(name.startswith("20") for name in ids)
    with pytest.raises(FqssError, match="mixture_train-500_mix_clean.csv: is missing"):
        LibriMix(tree, subset="train-500")


@pytest.mark.parametrize(
    ("task", "sources", "noisy"),
    [("sep_clean", 2, False), ("sep_noisy", 2, True), ("enh_single", 1, True)],
)
def test_tasks_differ_in_sources_and_noise(tree, task, sources, noisy):
    data_set = LibriMix(tree, task=task)
    entry = data_set.mixtures("test")[1]
    mixture, clean = entry.load()
    noise = mixture - clean.sum(axis=0)
    assert len(clean) == len(entry.labels) == sources
    assert np.std(noise) == pytest.approx(0.01 if noisy else 0, abs=1e-3)
    assert len(data_set.noises("test")) == (3 if noisy else 0)
    if noisy:
        np.testing.assert_allclose(entry.noise.read(), noise, atol=2e-4)


def test_sources_are_the_clips_of_their_speakers(tree):
    speakers = LibriMix(tree).speakers("dev")
    assert [(s.name, len(s.clips)) for s in speakers] == [
        ("300", 1), ("301", 2), ("302", 2), ("303", 1)
    ]
    (tree / "wav8k/min/metadata/groups.csv").write_text("speaker,group\n300,x\n303,x\n")
    assert len({s.group for s in LibriMix(tree).speakers("dev")}) == 3


def test_three_sources(tmp_path):
    entry = LibriMix(make_librimix(tmp_path, ("train-360",), sources=3)).mixtures("train")[0]
    assert entry.load()[1].shape == (3, 9000) and entry.labels == ("100", "101", "102")


def test_rate_and_mode_are_chosen(tmp_path):
    make_librimix(tmp_path, ("dev",), rate=16000, mode="max")
    make_librimix(tmp_path, ("dev",), mode="max")
    make_librimix(tmp_path, ("dev",), mode="min")
    assert len(mode_folders(tmp_path)) == 3
    assert LibriMix(tmp_path, sample_rate=16000).folder == tmp_path / "wav16k" / "max"
    assert LibriMix(tmp_path, sample_rate=8000).folder == tmp_path / "wav8k" / "min"
    assert LibriMix(tmp_path / "wav8k", mode="max").folder == tmp_path / "wav8k" / "max"
    assert LibriMix(tmp_path / "wav8k" / "max").folder == tmp_path / "wav8k" / "max"
    with pytest.raises(FqssError, match="holds wav8k and wav16k"):
        LibriMix(tmp_path)
    with pytest.raises(FqssError, match="wav16k/min: no such folder"):
        LibriMix(tmp_path, sample_rate=16000, mode="min")
    with pytest.raises(FqssError, match="set data.sample_rate=16000"):
        LibriMix(tmp_path / "wav16k", sample_rate=8000)
    with pytest.raises(FqssError, match="give the data set in it, .*tree"):
        make_librimix(tmp_path / "parent" / "tree", ("dev",))
        open_data_set(tmp_path / "parent")


def spoil_row(**changes):
    return lambda folder: change_row(
        folder / "metadata/mixture_dev_mix_clean.csv", 3,
        **{key: value.format(folder=folder) for key, value in changes.items()},
    )


def replace(name, samples, rate=RATE):
    def spoil(folder):
        path = sorted((folder / "dev" / name).iterdir())[1]
        write_audio(path, tones(1, samples, rate), rate)

    return spoil


def empty(folder):
    sorted((folder / "dev" / "s2").iterdir())[1].write_bytes(b"")


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (spoil_row(source_2_path="/x/dev/s2/none.wav"), "line 3: .*s2/none.wav: is missing"),
        (spoil_row(length="8999"), "line 3: .*has 9000 samples but the row says 8999"),
        (spoil_row(mixture_ID=""), "line 3: mixture_ID is empty"),
        (replace("s1", 5000), "line 3: .*s1.*has 5000 samples but the row says 9000"),
        (replace("s1", 9000, 16000), "line 3: .*s1.*has 16000 Hz in a tree of 8000 Hz"),
        (empty, "line 3: .*s2.*is empty, 0 bytes"),
    ],
)
def test_a_broken_row_is_named_and_may_be_left_out(tmp_path, spoil, message):
    tree = make_librimix(tmp_path, ("dev",))
    spoil(tree / "wav8k" / "min")
    with pytest.raises(FqssError, match=message):
        LibriMix(tree).mixtures("dev")
    if "mixture_ID" not in message:
        bad_files = BadFilePolicy("skip")
        assert len(LibriMix(tree, bad_files=bad_files).mixtures("dev")) == 2
        assert len(bad_files) == 1


@pytest.mark.parametrize(
    ("remove", "message"),
    [
        ("metadata/*", "mixture_train-360_mix_clean.csv: is missing"),
        ("dev/s1/*", "dev/s1: no such folder, but mixture_dev_mix_clean.csv lists"),
    ],
)
def test_what_the_tree_lacks_is_named(tmp_path, remove, message):
    folder = make_librimix(tmp_path, ("dev",)) / "wav8k" / "min"
    for path in folder.glob(remove):
        path.unlink()
    if "s1" in remove:
        (folder / "dev" / "s1").rmdir()
    with pytest.raises(FqssError, match=message):
        LibriMix(tmp_path)


def test_a_missing_column_is_named(tmp_path):
    make_librimix(tmp_path, ("dev",))
    path = tmp_path / "wav8k/min/metadata/mixture_dev_mix_clean.csv"
    path.write_text(path.read_text().replace("length", "duration"))
    with pytest.raises(FqssError, match="mixture_dev_mix_clean.csv: lacks the column length"):
        LibriMix(tmp_path).mixtures("dev")


def test_damage_behind_a_good_header_is_named(tree):
    entry = LibriMix(tree).mixtures("dev")[0]
    path = entry.sources[0].clip.path
    waveform, _ = soundfile.read(path)
    write_audio(tree / "short.wav", waveform[:100])
    (tree / "short.wav").rename(path)
    with pytest.raises(FqssError, match="is damaged or cut short"):
        entry.load()


def test_tables_of_another_system_are_read(tree):
    path = tree / "wav8k" / "min" / "metadata" / "mixture_dev_mix_clean.csv"
    expected = LibriMix(tree).mixtures("dev")
    text = path.read_text()
    foreign = text.replace("/elsewhere/", "D:\\sets\\").replace("/", "\\")
    foreign = foreign.replace(",9000", ",9000.0").replace("\n", "\r\n")
    path.write_bytes(b"\xef\xbb\xbf" + foreign.encode())
    assert LibriMix(tree).mixtures("dev") == expected


def test_ids_that_name_fewer_speakers_than_sources_are_not_mixed_anew(tree):
    path = tree / "wav8k" / "min" / "metadata" / "mixture_train-100_mix_clean.csv"
    change_row(path, 2, mixture_ID="mix-001")
    with pytest.raises(FqssError, match="mix-001 does not name its speakers"):
        open_data_set(tree).speakers("train")
