"""The pipeline against a numpy reference that reads whole files with soundfile."""

import itertools
from pathlib import Path

import numpy as np
import pytest
import soundfile
import soxr

import fqss_tf
from fqss_tf.data.folders import scan_speakers
from fqss_tf.data.pipeline import SILENCE_RMS, training_mixtures
from fqss_tf.data.plan import ATTEMPTS, MixturePlan

BUNDLE = Path(fqss_tf.__file__).parent / "bundled" / "speech"
RATE = 8000
SETTINGS = {"batch_size": 3, "max_level_difference_db": 30, "seed": 5, "wide_fraction": 0.5}


def mixtures(root, seconds=1.0, **changes):
    settings = {**SETTINGS, **changes}
    return training_mixtures(root, sample_rate=RATE, segment_seconds=seconds, **settings)


def first_batches(dataset, count):
    return [
        (mixture.numpy(), sources.numpy())
        for mixture, sources in itertools.islice(dataset, count)
    ]


def plan_of(root, seconds=1.0, **changes):
    settings = {**SETTINGS, **changes}
    samples = round(seconds * RATE)
    speakers = scan_speakers(root, "train")
    return MixturePlan(speakers, sample_rate=RATE, segment_samples=samples, **settings)


def rms(signal):
    return np.sqrt(np.mean(np.square(signal), axis=-1))


def reference_piece(clip, start, samples):
    waveform, rate = soundfile.read(clip.path, dtype="float64", always_2d=True)
    first, count = int(start * rate), -(-samples * rate // RATE)
    piece = soxr.resample(waveform[first : first + count].mean(axis=1), rate, RATE)[:samples]
    return np.pad(piece, (0, samples - len(piece)))


def reference_batch(plan, number):
    batch = plan.batch(number)
    rows = []
    for row in range(0, len(batch.row_splits) - 1, ATTEMPTS):
        for attempt in range(row, row + ATTEMPTS):
            pieces = range(batch.row_splits[attempt], batch.row_splits[attempt + 1])
            segment = np.concatenate([
                reference_piece(plan.clips[batch.clip[i]], batch.start[i], batch.samples[i])
                for i in pieces
            ])
            if rms(segment) >= SILENCE_RMS:
                break
        rows.append(segment)
    sources = np.stack(rows).reshape(len(batch.level_difference), 2, -1)
    signs = np.array([1, -1])
    gain_db = signs * batch.level_difference[:, np.newaxis] / 2
    sources *= (10 ** (gain_db / 20) / np.maximum(rms(sources), SILENCE_RMS))[..., np.newaxis]
    peak = np.abs(sources.sum(axis=1)).max(axis=-1)
    return sources / peak[:, np.newaxis, np.newaxis]


def write_tones(path, rate, frequency, seconds=2.5, subtype=None, channels=1):
    """Three tones under 2 kHz that wax and wane, so that every place sounds different."""
    path.parent.mkdir(parents=True, exist_ok=True)
    time = np.arange(round(seconds * rate)) / rate
    tones = sum(np.sin(2 * np.pi * frequency * k * time + k) for k in (1, 2.3, 3.1))
    waveform = 0.2 * tones * (1 + 0.5 * np.sin(2 * np.pi * 1.7 * time))
    balance = np.linspace(1.0, 0.5, channels)
    soundfile.write(path, waveform[:, np.newaxis] * balance, rate, subtype=subtype)


def assert_equals_reference(root, tolerance, batches=6, **changes):
    plan = plan_of(root, **changes)
    for number, (mixture, sources) in enumerate(first_batches(mixtures(root, **changes), batches)):
        np.testing.assert_allclose(sources, reference_batch(plan, number), atol=tolerance)
        np.testing.assert_allclose(mixture, sources.sum(axis=1), atol=1e-6)


def test_real_speech_equals_the_reference():
    assert_equals_reference(BUNDLE, 2e-5, batches=12, seconds=3.0)


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
        expected = reference_batch(plan, number)
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
    assert len(set(speakers.ravel())) == len(list((BUNDLE / "train").iterdir()))


def test_level_differences_are_as_drawn():
    plan = plan_of(BUNDLE)
    for number, (_, sources) in enumerate(first_batches(mixtures(BUNDLE), 4)):
        level = rms(sources)
        difference = 20 * np.log10(level[:, 0] / level[:, 1])
        np.testing.assert_allclose(difference, plan.batch(number).level_difference, atol=1e-3)


@pytest.mark.parametrize("fraction", [0.0, 0.5, 1.0])
def test_the_wide_fraction_of_the_level_differences(fraction):
    plan = plan_of(BUNDLE, wide_fraction=fraction)
    levels = np.abs(np.concatenate([plan.batch(n).level_difference for n in range(400)]))
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
