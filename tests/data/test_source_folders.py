"""Named sources in folders: what is found, and that each mixture is what its plan says."""

import itertools

import numpy as np
import pytest
from data_trees import make_named_sources, make_speakers, tones, write_audio

from fqss_tf.config import DataRecipe
from fqss_tf.data import pipeline
from fqss_tf.data.bad_files import BadFilePolicy
from fqss_tf.data.manifest import mixture_of_two, write_manifest
from fqss_tf.data.pipeline import training_mixtures
from fqss_tf.data.plan import ATTEMPTS, LAYER_RANGE_DB, MixturePlan
from fqss_tf.data.sets import open_data_set
from fqss_tf.data.training_sources import scored_mixtures, training_sources
from fqss_tf.errors import FqssError

RATE, SAMPLES, BATCH = 8000, 8000, 4
NAMES = ("voice", "background")


@pytest.fixture(autouse=True)
def one_lane(monkeypatch):
    """Tracing takes longer than reading."""
    monkeypatch.setattr(pipeline, "LANES", 1)


def recipe(root, **changes):
    return DataRecipe(datasets=(str(root),), **{"sources": NAMES, **changes})


def plan_of(data, sources=2):
    return MixturePlan(
        training_sources(data, sources), data, sources=sources, segment_samples=SAMPLES,
        batch_size=BATCH, seed=3,
    )


def drawn(data, count, first_batch=0):
    batches = training_mixtures(
        training_sources(data, 2), data, sources=2, segment_samples=SAMPLES, batch_size=BATCH,
        seed=3, bad_files=BadFilePolicy(), first_batch=first_batch,
    )
    return [(m.numpy(), s.numpy()) for m, s in itertools.islice(batches, count)]


def level_db(signal):
    return 10 * np.log10(np.mean(np.square(signal, dtype=np.float64), axis=-1))


def test_a_voice_and_a_background_are_seen_from_the_tree(tmp_path):
    make_named_sources(tmp_path)
    data_set = open_data_set(tmp_path)
    assert (data_set.kind, data_set.sources, data_set.parts) == ("named sources", NAMES, ("train",))
    groups = [[group.name for group in each] for each in data_set.groups("train")]
    assert groups == [["voice/anna", "voice/bob"], ["background/music", "background/rain.flac"]]
    assert [len(group.clips) for group in data_set.speakers("train")] == [2, 2, 2, 1]


def test_sources_of_any_name_are_those_of_the_recipe(tmp_path):
    make_named_sources(tmp_path, names=("dog", "cat", "sea"))
    names = ("sea", "dog", "cat")
    data_set = open_data_set(tmp_path, sources=names)
    assert (data_set.kind, data_set.sources) == ("named sources", names)
    assert open_data_set(tmp_path).kind == "speaker folders"
    plan = plan_of(recipe(tmp_path, sources=names), 3)
    batch = plan.batch(0)
    for row in range(0, len(batch.gain), plan.rows):
        clips = batch.clip[batch.row_splits[row : row + plan.rows]]
        assert all(f"/{name}/" in plan.clips[c].path for name, c in zip(names, clips, strict=True))


def test_the_first_source_is_above_the_others_by_the_snr(tmp_path):
    make_named_sources(tmp_path)
    data = recipe(
        tmp_path, min_snr_db=3.0, max_snr_db=9.0, layered_sources=("background",),
        random_gain_db=20.0,
    )
    for number, (mixture, sources) in enumerate(drawn(data, 4)):
        snr = level_db(sources[:, 0]) - level_db(sources[:, 1])
        expected = plan_of(data).batch(number)
        np.testing.assert_allclose(snr, expected.level[:, 0] - expected.level[:, 1], atol=0.01)
        assert (snr > 2.9).all() and (snr < 9.1).all()
        np.testing.assert_allclose(mixture, sources.sum(axis=1), atol=1e-5)
        np.testing.assert_allclose(np.abs(mixture).max(axis=1), expected.peak, rtol=1e-5)


def test_up_to_so_many_sounds_make_a_layered_source(tmp_path):
    make_named_sources(tmp_path)
    plan = plan_of(recipe(tmp_path, layered_sources=("background",), most_layers=3))
    assert plan.places == [0, 1, 1, 1]
    layers, gains = [], []
    for number in range(40):
        batch = plan.batch(number)
        filled = (np.diff(batch.row_splits) > 0).reshape(-1, 4)
        gain = batch.gain.reshape(-1, 4)
        assert filled[:, :2].all()
        layers += filled[:, 1:].sum(axis=1).tolist()
        gains += gain[:, 2:][filled[:, 2:]].tolist()
        for row in np.flatnonzero(filled):
            source = plan.places[row % 4]
            clips = batch.clip[batch.row_splits[row] : batch.row_splits[row + 1]]
            assert all(f"/{NAMES[source]}/" in plan.clips[clip].path for clip in clips)
    assert set(layers) == {1, 2, 3} and np.mean(layers) == pytest.approx(2, abs=0.2)
    assert min(gains) >= 10 ** (-LAYER_RANGE_DB / 20) and max(gains) <= 1


def test_layers_are_added_up_at_one_loudness_whatever_that_of_their_files(tmp_path):
    """Two tones, one of them 40 dB fainter in its file, make a background of both."""
    for name, frequency, gain in (("a", 500, 0.5), ("b", 1500, 0.005)):
        wave = gain * np.sin(2 * np.pi * frequency * np.arange(2 * SAMPLES) / RATE)
        write_audio(tmp_path / "train" / "background" / f"{name}.wav", wave)
    write_audio(tmp_path / "train" / "voice" / "0.wav", tones(1, 2 * SAMPLES))
    data = recipe(tmp_path, layered_sources=("background",))
    plan = plan_of(data)
    seen = 0
    for number, (_, sources) in enumerate(drawn(data, 8)):
        batch = plan.batch(number)
        for item in range(BATCH):
            first = item * ATTEMPTS * plan.rows
            energy = {"a": 0.0, "b": 0.0}
            for row in range(first + 1, first + 4):
                for clip in batch.clip[batch.row_splits[row] : batch.row_splits[row + 1]]:
                    energy[plan.clips[clip].path[-5]] += batch.gain[row]
            if not all(energy.values()):
                continue
            seen += 1
            spectrum = np.abs(np.fft.rfft(sources[item, 1]))
            ratio = spectrum[500 * SAMPLES // RATE] / spectrum[1500 * SAMPLES // RATE]
            # Two layers of one file may cancel in part, as their places differ.
            assert ratio < 1.3 * 10 ** (2 * LAYER_RANGE_DB / 20) and ratio > 0.01
    assert seen > 3


def test_a_pause_is_drawn_again_where_backgrounds_are_layered(tmp_path):
    """Its last bit is set now and then, as by dither."""
    dither = np.random.default_rng(0).integers(-1, 2, 20000) / 2**15
    tone = 0.5 * np.sin(2 * np.pi * 210 * np.arange(20000) / RATE)
    for place, wave in (("voice/a", dither), ("voice/b", tone), ("background/c", tone)):
        write_audio(tmp_path / "train" / place / "1.wav", wave)
    batches = drawn(recipe(tmp_path, layered_sources=("background",)), 12)
    voices = np.concatenate([sources[:, 0] for _, sources in batches])
    # The tone changes its sign in a twentieth of the samples, dither in a third.
    is_dither = (np.diff(np.sign(voices), axis=-1) != 0).mean(axis=-1) > 0.2
    assert is_dither.mean() < 0.25  # half of the draws are of it, an eighth of them thrice


def test_batches_are_the_same_wherever_training_goes_on(tmp_path):
    make_named_sources(tmp_path)
    data = recipe(tmp_path, layered_sources=("background",), speed_perturbation=True)
    whole, resumed = drawn(data, 3), drawn(data, 1, first_batch=2)
    for expected, found in zip(whole[2], resumed[0], strict=True):
        np.testing.assert_array_equal(expected, found)


def test_fixed_mixtures_have_the_names_of_the_sources(tmp_path):
    make_named_sources(tmp_path)
    for name in NAMES:
        write_audio(tmp_path / "dev" / name / "0.wav", tones(1, 4000))
    path = tmp_path / "dev" / "mixtures.csv"
    write_manifest(path, [
        mixture_of_two("m", 0.0, "voice/0.wav", 0, 1.0, "background/0.wav", 0, 0.5, 4000)
    ])
    (entry,) = scored_mixtures(recipe(tmp_path), "dev", 2)
    assert entry.labels == NAMES
    with pytest.raises(FqssError, match="no test mixtures of voice, background to score on"):
        scored_mixtures(recipe(tmp_path), "test", 2)


def test_what_does_not_fit(tmp_path):
    make_named_sources(tmp_path / "named")
    make_speakers(tmp_path / "speech", {"train": ("a", "b")})
    with pytest.raises(FqssError, match=r"for example data.sources=\[voice,background\]"):
        plan_of(recipe(tmp_path / "named", sources=()))
    both = DataRecipe(datasets=(str(tmp_path / "named"), str(tmp_path / "speech")))
    with pytest.raises(FqssError, match="speech and named sources cannot be mixed"):
        plan_of(both)
    (tmp_path / "named" / "train" / "background" / "rain.flac").unlink()
    for path in (tmp_path / "named" / "train" / "background" / "music").iterdir():
        path.unlink()
    with pytest.raises(FqssError, match="train/background: holds no .wav"):
        plan_of(recipe(tmp_path / "named"))
