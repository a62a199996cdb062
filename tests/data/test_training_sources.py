import numpy as np
import pytest
from data_trees import make_librimix, make_speakers, make_stems, tones, write_audio

from fqss_tf.config import DataRecipe
from fqss_tf.data.bad_files import LINES, BadFilePolicy, bad_files_named, found_while_reading
from fqss_tf.data.manifest import mixture_of_two, write_manifest
from fqss_tf.data.training_sources import check_roots, scored_mixtures, training_sources
from fqss_tf.errors import FqssError


def data(*roots, **changes):
    return DataRecipe(datasets=tuple(map(str, roots)), **changes)


def with_manifest(root, rows):
    for name in ("a", "b"):
        write_audio(root / "dev" / name / "0.wav", tones(1, 4000))
    write_manifest(root / "dev" / "mixtures.csv", [
        mixture_of_two(f"m{number}", 0.0, path, 0, 1.0, "b/0.wav", 0, 0.5, 4000)
        for number, path in enumerate(rows)
    ])


def test_the_first_root_with_mixtures_is_scored(tmp_path, logged):
    make_speakers(tmp_path / "speech", {"train": ("a", "b"), "dev": ("c", "d")})
    make_librimix(tmp_path / "libri", mixtures=4)
    entries = scored_mixtures(data(tmp_path / "speech", tmp_path / "libri"), "dev", 2)
    assert len(entries) == 4 and "libri" in entries[0].sources[0].clip.path
    assert logged() == []
    assert len(scored_mixtures(data(tmp_path / "speech"), "dev", 2)) == 24
    expected = "no dev mixtures in data.datasets: the bundled audio is taken at 8000 Hz"
    assert logged() == [expected]


def test_fewer_dev_mixtures_are_taken_evenly_and_songs_by_their_middle(tmp_path):
    make_librimix(tmp_path / "libri", ("train-100", "dev"), mixtures=9)
    whole = scored_mixtures(data(tmp_path / "libri"), "dev", 2)
    assert scored_mixtures(data(tmp_path / "libri", dev_mixtures=3), "dev", 2) == whole[::3]
    make_stems(tmp_path / "music", {"train": ("a",), "dev": ("b",)}, samples=300000)
    (entry,) = scored_mixtures(data(tmp_path / "music"), "dev", 4)
    assert entry.samples == 240000 and {piece.start for piece in entry.pieces} == {30000}


@pytest.mark.parametrize(
    ("sources", "changes", "message"),
    [
        (3, {}, "has 2 sources, but model.sources is 3"),
        (2, {"task": "enh_single"}, "has 1 sources, but model.sources is 2"),
        (2, {"sample_rate": 16000}, "holds no wav16k; set data.sample_rate=8000"),
        (2, {"mode": "max"}, "wav8k/max: no such folder"),
    ],
)
def test_a_recipe_that_does_not_fit_the_set(tmp_path, sources, changes, message):
    make_librimix(tmp_path, ("train-100", "dev"))
    with pytest.raises(FqssError, match=message):
        scored_mixtures(data(tmp_path, **changes), "dev", sources)


def test_the_bundled_audio_is_no_stand_in_for_music(tmp_path):
    make_stems(tmp_path, {"train": ("a",)})
    with pytest.raises(FqssError, match="no dev mixtures, .* model.sources is 4"):
        scored_mixtures(data(tmp_path), "dev", 4)


def test_mixtures_of_another_rate_are_refused(tmp_path):
    with_manifest(tmp_path, ["a/0.wav"])
    with pytest.raises(FqssError, match="dev is at 8000 Hz, the recipe at 16000 Hz"):
        scored_mixtures(data(tmp_path, sample_rate=16000), "dev", 2)


def test_a_manifest_row_to_a_missing_file(tmp_path):
    with_manifest(tmp_path, ["a/0.wav", "a/none.wav", "a/0.wav"])
    with pytest.raises(FqssError, match="mixtures.csv, line 3: .*none.wav: is missing"):
        scored_mixtures(data(tmp_path), "dev", 2)
    entries = scored_mixtures(data(tmp_path, on_bad_file="skip"), "dev", 2)
    assert [entry.mixture_id for entry in entries] == ["m0", "m2"]
    mixture, sources = entries[0].load()
    np.testing.assert_allclose(sources[0], 2 * sources[1], atol=1e-6)


def test_empty_and_foreign_files_are_skipped_and_counted(tmp_path, logged):
    make_speakers(tmp_path, {"train": ("a", "b", "c")}, clips=3)
    (tmp_path / "train/a/a-0.flac").write_bytes(b"")
    (tmp_path / "train/b/b-1.flac").write_text("text")
    with pytest.raises(FqssError, match="a-0.flac: is empty, 0 bytes"):
        training_sources(data(tmp_path), 2)
    bad_files = BadFilePolicy("skip")
    speakers = training_sources(data(tmp_path), 2, bad_files).speakers
    assert [len(speaker.clips) for speaker in speakers] == [2, 2, 3] and len(bad_files) == 2
    lines = logged()
    assert len(lines) == 2 and all(line.startswith("skipped: ") for line in lines)


def test_a_part_to_train_on_is_needed(tmp_path):
    make_librimix(tmp_path, ("dev",))
    with pytest.raises(FqssError, match="has no part train"):
        check_roots(data(tmp_path))


def test_ten_lines_are_shown_and_all_are_counted(logged):
    bad_files = BadFilePolicy("skip")
    for number in range(30):
        bad_files.report(f"file {number % 25}")
    assert len(bad_files) == 25
    assert len(logged()) == LINES + 1


def test_only_what_the_pipeline_found_is_turned_back():
    with pytest.raises(ZeroDivisionError), bad_files_named():
        raise ZeroDivisionError
    with pytest.raises(FqssError, match="x.wav"), bad_files_named():
        found_while_reading(FqssError("x.wav is damaged"))
        raise RuntimeError("what TensorFlow makes of it")
