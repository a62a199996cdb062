"""The pipeline against a numpy reference that reads whole files with soundfile."""

import itertools
from pathlib import Path

import numpy as np
import pytest
import soundfile
import soxr
from data_trees import MUSDB_STEMS, make_librimix, make_speakers, make_stems
from joined_files import with_data_size

from fqss_tf.config import DataRecipe
from fqss_tf.data import pipeline
from fqss_tf.data.bad_files import BadFilePolicy, bad_files_named
from fqss_tf.data.bundled import data_root
from fqss_tf.data.librimix import LibriMix
from fqss_tf.data.pipeline import SILENCE_RMS, training_mixtures
from fqss_tf.data.plan import ATTEMPTS, MixturePlan
from fqss_tf.data.training_sources import training_sources
from fqss_tf.errors import FqssError

BUNDLE = "bundled"
RATE = 8000
BATCH = 3


@pytest.fixture(autouse=True)
def one_lane(monkeypatch):
    """Tracing takes longer than reading: one test is about several lanes."""
    monkeypatch.setattr(pipeline, "LANES", 1)


def recipe(roots, **changes):
    roots = roots if isinstance(roots, list) else [roots]
    return DataRecipe(datasets=tuple(map(str, roots)), **changes)


def mixtures(roots, seconds=1.0, seed=5, first_batch=0, sources=2, bad_files=None, **changes):
    data = recipe(roots, **changes)
    bad_files = BadFilePolicy(data.on_bad_file) if bad_files is None else bad_files
    return training_mixtures(
        training_sources(data, sources, bad_files), data, sources=sources, batch_size=BATCH,
        segment_samples=round(seconds * RATE), seed=seed, bad_files=bad_files,
        first_batch=first_batch,
    )


def first_batches(dataset, count):
    return [
        (mixture.numpy(), sources.numpy())
        for mixture, sources in itertools.islice(dataset, count)
    ]


def plan_of(roots, seconds=1.0, seed=5, sources=2, **changes):
    data = recipe(roots, **changes)
    return MixturePlan(
        training_sources(data, sources), data, sources=sources, batch_size=BATCH, seed=seed,
        segment_samples=round(seconds * RATE),
    )


def rms(signal):
    return np.sqrt(np.mean(np.square(signal), axis=-1))


def reference_piece(clip, start, samples, speed):
    waveform, rate = soundfile.read(clip.path, dtype="float64", always_2d=True)
    played = rate * speed // 100
    first, count = int(start * rate), -(-samples * played // RATE)
    piece = soxr.resample(waveform[first : first + count].mean(axis=1), played, RATE)[:samples]
    return np.pad(piece, (0, samples - len(piece)))


def reference_attempt(plan, batch, row, samples):
    rows = []
    for r in range(row, row + plan.rows):
        pieces = range(batch.row_splits[r], batch.row_splits[r + 1])
        parts = [
            reference_piece(plan.clips[batch.clip[i]], batch.start[i], batch.samples[i],
                            batch.speed[r])
            for i in pieces
        ]
        waveform = np.concatenate([*parts, np.zeros(samples)])[:samples]
        rows.append(batch.gain[r] * waveform)
    return np.array(rows)


def reference_batch(plan, number, samples, sources=2):
    """(mixture, sources) with the levels set one mixture at a time."""
    batch = plan.batch(number)
    result = []
    for item in range(BATCH):
        for attempt in range(ATTEMPTS):
            row = (item * ATTEMPTS + attempt) * plan.rows
            waveforms = reference_attempt(plan, batch, row, samples)
            if rms(waveforms[:sources]).min() >= SILENCE_RMS:
                break
        clean, noise = waveforms[:sources], waveforms[sources:]
        if batch.levelled[item]:
            gain = 10 ** (batch.level[item] / 20) / np.maximum(rms(clean), SILENCE_RMS)
            clean = clean * gain[:, np.newaxis]
        if len(noise) and not np.isnan(batch.noise_snr[item]):
            wanted = rms(clean.sum(axis=0)) * 10 ** (-batch.noise_snr[item] / 20)
            noise = noise * wanted / np.maximum(rms(noise), SILENCE_RMS)
        mixture = clean.sum(axis=0) + noise.sum(axis=0)
        scale = batch.peak[item] / np.abs(mixture).max()
        result.append((mixture * scale, clean * scale))
    return tuple(map(np.array, zip(*result, strict=True)))


def write_tones(path, rate, frequency, seconds=2.5, subtype=None, channels=1):
    """Three tones under 2 kHz that wax and wane, so that every place sounds different."""
    path.parent.mkdir(parents=True, exist_ok=True)
    time = np.arange(round(seconds * rate)) / rate
    tones = sum(np.sin(2 * np.pi * frequency * k * time + k) for k in (1, 2.3, 3.1))
    waveform = 0.2 * tones * (1 + 0.5 * np.sin(2 * np.pi * 1.7 * time))
    balance = np.linspace(1.0, 0.5, channels)
    soundfile.write(path, waveform[:, np.newaxis] * balance, rate, subtype=subtype)


def assert_equals_reference(roots, tolerance, batches=6, seconds=1.0, sources=2, **changes):
    plan = plan_of(roots, seconds, sources=sources, **changes)
    drawn = first_batches(mixtures(roots, seconds, sources=sources, **changes), batches)
    for number, (mixture, found) in enumerate(drawn):
        expected = reference_batch(plan, number, round(seconds * RATE), sources)
        np.testing.assert_allclose(mixture, expected[0], atol=tolerance)
        np.testing.assert_allclose(found, expected[1], atol=tolerance)


def test_real_speech_equals_the_reference(tmp_path):
    """At its own rate: the resampler of tensorflow-io cuts the treble a little differently."""
    for speaker in (data_root(BUNDLE) / "train" / "voice").iterdir():
        waveform, rate = soundfile.read(speaker / "0.flac")
        (tmp_path / "train" / speaker.name).mkdir(parents=True)
        path = tmp_path / "train" / speaker.name / "0.flac"
        soundfile.write(path, soxr.resample(waveform, rate, RATE), RATE)
    assert_equals_reference(tmp_path, 2e-5, batches=12, seconds=3.0)


@pytest.mark.parametrize(
    ("name", "subtype", "tolerance"),
    [
        ("u8.wav", "PCM_U8", 1e-5),
        ("16.wav", "PCM_16", 1e-5),
        ("24.wav", "PCM_24", 1e-5),
        ("32.wav", "PCM_32", 1e-5),
        ("float.wav", "FLOAT", 1e-5),
        ("16.flac", "PCM_16", 1e-5),
        ("24.flac", "PCM_24", 1e-5),
        ("vorbis.ogg", "VORBIS", 1e-4),
        ("layer3.mp3", "MPEG_LAYER_III", 1e-4),
    ],
)
def test_every_format_is_read_like_soundfile_does(tmp_path, name, subtype, tolerance):
    write_tones(tmp_path / "train" / "a" / name, RATE, 210, subtype=subtype)
    write_tones(tmp_path / "train" / "b" / "plain.wav", RATE, 330)
    assert_equals_reference(tmp_path, tolerance)


def test_files_from_a_pipe_are_read_like_soundfile_does(tmp_path):
    for name, frequency in (("a", 210), ("b", 330)):
        path = tmp_path / "train" / name / "1.wav"
        write_tones(path, RATE, frequency)
        path.write_bytes(with_data_size(path.read_bytes(), 2**32 - 1))
    assert_equals_reference(tmp_path, 1e-5)


def test_formats_rates_and_channels_may_be_mixed(tmp_path):
    train = tmp_path / "train"
    write_tones(train / "a" / "1.wav", RATE, 210, subtype="PCM_16")
    write_tones(train / "a" / "2.flac", RATE, 250, subtype="PCM_24", channels=2)
    write_tones(train / "b" / "1.ogg", RATE, 330)
    write_tones(train / "b" / "2.wav", RATE, 390, subtype="FLOAT")
    assert_equals_reference(tmp_path, 1e-4)


@pytest.mark.parametrize("rate", [4000, 11025, 16000, 22050, 44100, 48000])
def test_other_rates_are_resampled_in_place(tmp_path, rate):
    # Pieces begin and end abruptly, where the two resamplers ring differently: compare inside.
    write_tones(tmp_path / "train" / "a" / "1.wav", rate, 210)
    write_tones(tmp_path / "train" / "b" / "1.wav", RATE, 330)
    plan = plan_of(tmp_path)
    for number, (_, sources) in enumerate(first_batches(mixtures(tmp_path), 4)):
        _, expected = reference_batch(plan, number, RATE)
        inside = slice(200, -200)
        for actual, wanted in zip(
            sources.reshape(-1, RATE), expected.reshape(-1, RATE), strict=True
        ):
            error = rms(actual[inside] - wanted[inside]) / rms(wanted[inside])
            assert error < 0.03


def test_short_clips_of_one_speaker_are_joined_until_the_segment_is_full(tmp_path):
    for number in range(7):
        write_tones(tmp_path / "train" / "a" / f"{number}.wav", RATE, 150 + 40 * number, 0.3)
    write_tones(tmp_path / "train" / "b" / "1.wav", RATE, 330)
    assert_equals_reference(tmp_path, 1e-5)
    batch = plan_of(tmp_path).batch(0)
    pieces_per_row = np.diff(batch.row_splits)
    assert pieces_per_row.max() == 4 and pieces_per_row.min() == 1
    assert all(
        batch.samples[low:high].sum() == RATE
        for low, high in itertools.pairwise(batch.row_splits)
    )


def test_a_silent_segment_is_drawn_again(tmp_path):
    write_tones(tmp_path / "train" / "a" / "1.wav", RATE, 210)
    soundfile.write(tmp_path / "train" / "a" / "2.wav", np.zeros(20000), RATE)
    write_tones(tmp_path / "train" / "b" / "1.wav", RATE, 330)
    assert_equals_reference(tmp_path, 1e-5, batches=10)
    sources = np.concatenate([s for _, s in first_batches(mixtures(tmp_path), 20)])
    assert np.isfinite(sources).all()
    silent = (rms(sources) < SILENCE_RMS).mean()
    assert silent < 0.15  # half of one speaker's draws are silent, an eighth of them thrice


def test_the_mixture_peaks_at_one_and_is_the_sum_of_two_speakers():
    for mixture, sources in first_batches(mixtures(BUNDLE, seconds=2.0), 4):
        assert mixture.dtype == sources.dtype == np.float32
        assert mixture.shape == (3, 16000) and sources.shape == (3, 2, 16000)
        np.testing.assert_allclose(np.abs(mixture).max(axis=-1), 1.0, atol=1e-6)
        np.testing.assert_allclose(mixture, sources.sum(axis=1), atol=1e-6)
    speakers = np.concatenate([plan_of(BUNDLE).batch(n).speakers for n in range(200)])
    assert (speakers[:, 0] != speakers[:, 1]).all()
    people = list((data_root(BUNDLE) / "train" / "voice").iterdir())
    assert len(set(speakers.ravel())) == len(people)


def test_level_differences_are_as_drawn():
    plan = plan_of(BUNDLE)
    for number, (_, sources) in enumerate(first_batches(mixtures(BUNDLE), 4)):
        level = rms(sources)
        difference = 20 * np.log10(level[:, 0] / level[:, 1])
        level = plan.batch(number).level
        np.testing.assert_allclose(difference, level[:, 0] - level[:, 1], atol=1e-3)


@pytest.mark.parametrize("fraction", [0.0, 0.5, 1.0])
def test_the_wide_fraction_of_the_level_differences(fraction):
    plan = plan_of(BUNDLE, wide_fraction=fraction)
    levels = np.concatenate([plan.batch(n).level for n in range(400)])
    levels = np.abs(levels[:, 0] - levels[:, 1])
    assert levels.max() <= 30
    assert (levels > 5).mean() == pytest.approx(fraction * 25 / 30, abs=0.05)


def test_the_same_seed_gives_the_same_batches_and_another_seed_others():
    first, again, other = (
        first_batches(mixtures(BUNDLE, seed=seed), 3) for seed in (5, 5, 6)
    )
    for (mixture, _), (same, _), (different, _) in zip(first, again, other, strict=True):
        np.testing.assert_array_equal(mixture, same)
        assert not np.array_equal(mixture, different)


def test_training_resumes_with_the_next_batch():
    whole = first_batches(mixtures(BUNDLE), 6)
    for resumed in (mixtures(BUNDLE, first_batch=4), mixtures(BUNDLE).skip(4)):
        for (expected, _), (actual, _) in zip(whole[4:], first_batches(resumed, 2), strict=True):
            np.testing.assert_array_equal(actual, expected)


def test_several_roots_are_mixed(tmp_path):
    for number, root in enumerate(("x", "y")):
        write_tones(tmp_path / root / "train" / "same" / "1.wav", RATE, 200 + 90 * number)
    assert_equals_reference([tmp_path / "x", tmp_path / "y"], 1e-5)


def test_lanes_change_nothing(monkeypatch):
    """Calls of one graph share the readers of tensorflow-io; lanes must not."""
    one = first_batches(mixtures(BUNDLE), 40)
    monkeypatch.setattr(pipeline, "LANES", 3)
    for (mixture, _), (expected, _) in zip(first_batches(mixtures(BUNDLE), 40), one, strict=True):
        np.testing.assert_array_equal(mixture, expected)


def test_fixed_mixtures_equal_the_reference_and_are_not_levelled(tmp_path):
    root = make_librimix(tmp_path, samples=9000)
    assert_equals_reference(root, 1e-5, batches=3, dynamic_fraction=0.0)
    mixture, sources = first_batches(mixtures(root, seconds=1.125, dynamic_fraction=0.0), 1)[0]
    _, expected = LibriMix(root).mixtures("train")[0].load()
    ratio = rms(expected[0]) / rms(expected[1])
    found = rms(sources[:, 0]) / rms(sources[:, 1])
    assert np.abs(found / ratio - 1).min() < 1e-3
    np.testing.assert_allclose(mixture, sources.sum(axis=1), atol=1e-6)


def test_fixed_mixtures_take_turns_in_an_order_of_the_seed(tmp_path):
    root = make_librimix(tmp_path, ("train-100",), mixtures=7)
    plan, other = (plan_of(root, dynamic_fraction=0.0, seed=seed) for seed in (1, 2))

    def first_clips(plan):
        batches = [plan.batch(number) for number in range(14)]
        return [
            plan.clips[batch.clip[batch.row_splits[item * ATTEMPTS * plan.rows]]].path
            for batch in batches for item in range(BATCH)
        ]

    order = first_clips(plan)
    epochs = [order[first : first + 7] for first in range(0, 42, 7)]
    assert all(len(set(epoch)) == 7 for epoch in epochs)
    assert len({tuple(epoch) for epoch in epochs}) > 1
    assert order != first_clips(other)


def test_every_option_at_once_equals_the_reference(tmp_path):
    root = make_librimix(tmp_path / "set", samples=9000)
    write_tones(tmp_path / "noise" / "deep" / "hum.wav", RATE, 60, seconds=0.4)
    options = {
        "task": "sep_noisy", "dynamic_fraction": 0.5, "noise_datasets": (str(tmp_path / "noise"),),
        "noise_fraction": 0.5, "random_gain_db": 6.0, "source_gain_db": 3.0, "flip_polarity": True,
    }
    assert_equals_reference(root, 1e-5, batches=4, **options)
    plan = plan_of(root, **options)
    batches = [plan.batch(number) for number in range(100)]
    peaks = np.concatenate([batch.peak for batch in batches])
    assert 0.5 < peaks.min() < 0.55 and 0.95 < peaks.max() <= 1
    levelled = np.concatenate([batch.levelled for batch in batches])
    assert levelled.mean() == pytest.approx(0.5, abs=0.1)
    snr = np.concatenate([batch.noise_snr for batch in batches])
    assert np.isfinite(snr[levelled]).all()  # sep_noisy: no speech without noise
    assert np.isnan(snr[~levelled]).any()  # as the set has it
    assert 0 <= np.nanmin(snr) < 1 and 19 < np.nanmax(snr) <= 20


def test_one_source_is_always_in_noise(tmp_path):
    make_speakers(tmp_path / "set", {"train": ("a",)})
    with pytest.raises(FqssError, match="model.sources is 1, .* in data.noise_datasets"):
        plan_of(tmp_path / "set", sources=1)
    write_tones(tmp_path / "noise" / "hum.wav", RATE, 60, seconds=0.4)
    options = {"noise_datasets": (str(tmp_path / "noise"),), "min_noise_snr_db": -5.0}
    plan = plan_of(tmp_path / "set", sources=1, **options)
    batches = first_batches(mixtures(tmp_path / "set", sources=1, **options), 2)
    for number, (mixture, sources) in enumerate(batches):
        assert sources.shape == (BATCH, 1, RATE)
        noise = mixture - sources[:, 0]
        found = 20 * np.log10(rms(sources[:, 0]) / rms(noise))
        np.testing.assert_allclose(found, plan.batch(number).noise_snr, atol=0.01)


def test_one_source_of_librimix_keeps_the_noise_of_the_set(tmp_path):
    make_librimix(tmp_path, subsets=("train-100",))
    plan = plan_of(tmp_path, sources=1, task="enh_single", dynamic_fraction=0.0)
    assert np.isnan(plan.batch(0).noise_snr).all() and plan.rows == 2


def test_noise_comes_at_the_ratio_that_was_drawn(tmp_path):
    make_speakers(tmp_path / "set", {"train": ("a", "b")})
    write_tones(tmp_path / "noise" / "hum.wav", RATE, 60, seconds=0.4)
    options = {"noise_datasets": (str(tmp_path / "noise"),), "noise_fraction": 0.5}
    plan = plan_of(tmp_path / "set", **options)
    noisy = 0
    batches = first_batches(mixtures(tmp_path / "set", **options), 4)
    for number, (mixture, sources) in enumerate(batches):
        noise = mixture - sources.sum(axis=1)
        for item, snr in enumerate(plan.batch(number).noise_snr):
            if np.isnan(snr):
                assert np.abs(noise[item]).max() < 1e-6
            else:
                noisy += 1
                found = 20 * np.log10(rms(sources[item].sum(axis=0)) / rms(noise[item]))
                assert found == pytest.approx(snr, abs=1e-2)
    assert noisy


def test_speed_is_perturbed(tmp_path):
    """A tone at 95 or 105 % is a tone of another pitch."""
    time = np.arange(4 * RATE) / RATE
    for name, frequency in (("a", 400), ("b", 1000)):
        path = tmp_path / "train" / name / "tone.wav"
        path.parent.mkdir(parents=True)
        soundfile.write(path, 0.5 * np.sin(2 * np.pi * frequency * time), RATE)
    plan = plan_of(tmp_path, speed_perturbation=True)
    seen = set()
    for number, (_, sources) in enumerate(first_batches(
        mixtures(tmp_path, speed_perturbation=True), 8
    )):
        batch = plan.batch(number)
        for item, source in itertools.product(range(BATCH), range(2)):
            speed = batch.speed[item * ATTEMPTS * 2 + source]
            tone = (400, 1000)[batch.speakers[item, source]]
            spectrum = np.abs(np.fft.rfft(sources[item, source] * np.hanning(RATE)))
            assert np.argmax(spectrum) == pytest.approx(tone * speed / 100, abs=1)
            seen.add(int(speed))
    assert seen == {95, 100, 105}


def test_stems_are_remixed_or_kept_together(tmp_path):
    make_stems(tmp_path)
    options = {"sources": 4, "flip_polarity": True, "source_gain_db": 6.0}
    assert_equals_reference(tmp_path, 1e-5, batches=2, **options)
    for fraction in (0.0, 1.0):
        plan = plan_of(tmp_path, dynamic_fraction=fraction, **options)
        together, gains = [], []
        for number in range(30):
            batch = plan.batch(number)
            gains.append(batch.gain)
            for item in range(BATCH):
                rows = batch.row_splits[item * ATTEMPTS * 4 :][:4]
                paths = [Path(plan.clips[batch.clip[row]].path) for row in rows]
                assert [path.stem for path in paths] == list(MUSDB_STEMS)
                one_start = len(set(batch.start[rows])) == 1
                together.append(len({path.parent for path in paths}) == 1 and one_start)
        assert np.mean(together) == 1 - fraction
        gains = np.concatenate(gains)
        assert 0.45 < (gains < 0).mean() < 0.55
        assert 0.5 < np.abs(gains).min() < np.abs(gains).max() < 2


@pytest.mark.parametrize(
    ("task", "sources", "changes"),
    [("enh_single", 1, {}), ("sep_clean", 3, {"max_level_difference_db": 3.0})],
)
def test_other_numbers_of_sources(tmp_path, task, sources, changes):
    make_librimix(tmp_path, mixtures=4, sources=max(sources, 2))
    assert_equals_reference(tmp_path, 1e-5, batches=2, sources=sources, task=task, **changes)
    levels = np.concatenate([
        plan_of(tmp_path, sources=sources, task=task, **changes).batch(n).level for n in range(50)
    ])
    assert levels.shape[1] == sources
    np.testing.assert_allclose(levels.mean(axis=1), 0, atol=1e-6)
    assert np.abs(levels[:, :1] - levels).max() <= 3 + 1e-6


def damage(path):
    """Leaves the header and the beginning; neither libsndfile nor tensorflow-io reads the rest."""
    content = bytearray(path.read_bytes())
    content[len(content) // 4 : len(content) // 2] = bytes(len(content) // 4)
    path.write_bytes(content)


@pytest.fixture
def damaged_set(tmp_path):
    make_speakers(tmp_path, {"train": tuple("abcdefgh")}, clips=4)
    path = tmp_path / "train" / "c" / "c-2.flac"
    damage(path)
    return tmp_path, path


def test_a_corrupt_flac_is_skipped_and_counted(damaged_set, logged):
    root, path = damaged_set
    bad_files = BadFilePolicy("skip")
    batches = first_batches(mixtures(root, bad_files=bad_files), 30)
    again = first_batches(mixtures(root, first_batch=20, bad_files=BadFilePolicy("skip")), 10)
    assert bad_files.lines == [
        f"{path}: is damaged or cut short, its samples cannot be decoded; replace or remove it"
    ]
    assert logged()[0] == f"skipped: {bad_files.lines[0]}"
    for mixture, sources in batches:
        assert np.isfinite(sources).all() and (rms(sources) > SILENCE_RMS).all()
        np.testing.assert_allclose(np.abs(mixture).max(axis=-1), 1.0, atol=1e-6)
    for (mixture, _), (expected, _) in zip(again, batches[20:], strict=True):
        np.testing.assert_array_equal(mixture, expected)


def test_a_corrupt_flac_stops_with_its_name(damaged_set):
    root, path = damaged_set
    with pytest.raises(FqssError, match=f"{path}: is damaged or cut short"), bad_files_named():
        first_batches(mixtures(root), 100)


def test_a_file_that_goes_while_training_is_named(tmp_path):
    make_speakers(tmp_path, {"train": ("a", "b")}, clips=1)
    dataset = mixtures(tmp_path)
    (tmp_path / "train" / "a" / "a-0.flac").unlink()
    with pytest.raises(FqssError, match="a-0.flac: is missing"), bad_files_named():
        first_batches(dataset, 1)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"dynamic_fraction": 0.5}, "no fixed mixtures to train on"),
        ({"noise_fraction": 0.5}, "data.noise_fraction needs noise"),
        ({"noise_datasets": ("nowhere",)}, "nowhere: holds no audio files"),
        ({"sources": 3}, "at least 3 speakers"),
    ],
)
def test_options_that_the_data_cannot_serve(tmp_path, changes, message):
    make_speakers(tmp_path, {"train": ("a", "b")}, clips=1)
    with pytest.raises(FqssError, match=message):
        plan_of(tmp_path, **changes)


def test_stems_cannot_be_drawn_one_by_one_with_speech(tmp_path):
    make_speakers(tmp_path / "speech", {"train": ("a", "b")}, clips=1)
    make_stems(tmp_path / "music")
    with pytest.raises(FqssError, match="stems and speech cannot be mixed"):
        plan_of([tmp_path / "speech", tmp_path / "music"])
    with pytest.raises(FqssError, match="has 4 sources, but model.sources is 2"):
        plan_of(tmp_path / "music")
