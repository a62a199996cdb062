"""What is made of the sources of a recording, and how well they add up to it."""

import dataclasses

import numpy as np
import pytest

from fqss_tf.errors import FqssError
from fqss_tf.runtime import Separator
from fqss_tf.runtime.stems import Remembered, SumOfSources, mixdown, mixed
from fqss_tf.tflite import TfliteFile

SOURCES = ("vocals", "drums", "bass", "other")


@pytest.fixture(scope="module")
def metadata(tiny_tflite):
    return dataclasses.replace(TfliteFile.open(tiny_tflite).metadata, sources=SOURCES)


@pytest.fixture(scope="module")
def part():
    return np.random.default_rng(0).normal(0, 0.2, (4, 50, 2)).astype(np.float32)


def test_without_a_wish_it_is_each_source(metadata, part):
    made = mixdown(metadata)
    assert list(made) == list(SOURCES)
    for source, weights in zip(part, made.values(), strict=True):
        assert mixed(part, part[0], weights).tobytes() == source.tobytes()


def test_two_stems_are_one_and_the_sum_of_the_rest(metadata, part):
    made = mixdown(metadata, two_stems="bass")
    assert list(made) == ["bass", "no_bass"]
    rest = mixed(part, part[0], made["no_bass"])
    assert rest.dtype == np.float32
    np.testing.assert_allclose(rest, part[0] + part[1] + part[3], atol=1e-6)


def test_some_stems_come_in_the_order_of_the_wish(metadata):
    assert list(mixdown(metadata, only=["drums", "vocals", "drums"])) == ["drums", "vocals"]


@pytest.mark.parametrize("wish", [{}, {"only": ["drums"]}, {"two_stems": "drums"}])
def test_the_residual_is_what_all_sources_lack_whichever_are_written(metadata, part, wish):
    made = mixdown(metadata, residual=True, **wish)
    mixture = np.random.default_rng(1).normal(0, 0.2, (50, 2)).astype(np.float32)
    residual = mixed(part, mixture, made["residual"])
    np.testing.assert_allclose(residual + part.sum(axis=0), mixture, atol=1e-6)


def test_sums_of_16_bit_samples_are_exact_and_may_exceed_full_scale(metadata):
    part = np.full((4, 3), 30000, np.int16)
    made = mixdown(metadata, two_stems="vocals", residual=True)
    mixture = np.full(3, -32768, np.int16)
    assert mixed(part, mixture, made["vocals"]).dtype == np.int16
    np.testing.assert_array_equal(mixed(part, mixture, made["no_vocals"]) * 2**15, [90000] * 3)
    np.testing.assert_array_equal(mixed(part, mixture, made["residual"]) * 2**15, [-152768] * 3)


@pytest.mark.parametrize("wish, message", [
    ({"two_stems": "vocal"}, "no source vocal: did you mean vocals"),
    ({"two_stems": ""}, "no source '': it has vocals, drums, bass, other"),
    ({"only": ["drums", "guitar"]}, "no source guitar: it has vocals"),
    ({"only": ["drums"], "two_stems": "drums"}, "give one"),
])
def test_wrong_wishes_are_named(metadata, wish, message):
    with pytest.raises(FqssError, match=message):
        mixdown(metadata, **wish)


def test_sources_without_names_cannot_be_chosen(tiny_tflite):
    unnamed = Separator(tiny_tflite).metadata
    with pytest.raises(FqssError, match="have no names"):
        mixdown(unnamed, two_stems="speech_1")
    assert list(mixdown(unnamed, residual=True)) == ["speech_1", "speech_2", "residual"]


def test_two_results_of_one_name_are_refused(metadata):
    odd = dataclasses.replace(metadata, sources=("residual", "vocals", "no_vocals"))
    for wish in ({"residual": True}, {"two_stems": "vocals"}):
        with pytest.raises(FqssError, match="so nothing else can be called so"):
            mixdown(odd, **wish)


@pytest.mark.parametrize("scale, decibels", [(0.9, 20.0), (2.0, 0.0), (3.0, -6.02)])
def test_the_sum_is_measured_over_all_parts_and_channels(scale, decibels):
    mixture = np.random.default_rng(0).normal(0, 0.1, (4000, 2)).astype(np.float32)
    part = np.stack([0.25 * scale * mixture, 0.75 * scale * mixture])
    total = SumOfSources()
    for start in (0, 1000):
        end = start + 1000 if start == 0 else None
        total.add(part[:, start:end], mixture[start:end])
    assert total.decibels == pytest.approx(decibels, abs=0.01)


def test_there_are_no_decibels_of_nothing():
    silence, sound = np.zeros(10, np.int16), np.full(10, 100, np.int16)
    for part, mixture in ((silence, silence), (sound, sound), (sound, silence)):
        total = SumOfSources()
        total.add(part[np.newaxis], mixture)
        assert total.decibels is None


def test_samples_are_remembered_until_they_are_taken():
    blocks = [np.arange(start, start + size) for start, size in ((0, 5), (5, 1), (6, 7))]
    remembered = Remembered(blocks)
    passing = iter(remembered)
    next(passing)
    assert remembered.take(3).tolist() == [0, 1, 2]
    next(passing)
    assert remembered.take(0).tolist() == []
    next(passing)
    assert remembered.take(6).tolist() == [3, 4, 5, 6, 7, 8]
    assert remembered.take(4).tolist() == [9, 10, 11, 12]
