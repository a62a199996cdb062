import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from fqss_tf.errors import FqssError
from fqss_tf.runtime.levelling import (
    FULL_SCALE,
    LEAST_LEVEL,
    from_full_scale_int16,
    levelled,
    levelled_int16,
    peak,
    to_full_scale_int16,
)
from fqss_tf.runtime.planes import combine, split


class Echo:
    """An engine whose two sources are what the graph of two planes would see."""

    class metadata:
        sources = ("a", "b")
        sample_rate = 8000
        segment = 40

    def __init__(self):
        self.seen = []

    def forward(self, segment):
        self.seen.append(combine(split(segment, 2)))
        return np.stack([self.seen[-1]] * 2)

    def forward_int16(self, segment):
        assert segment.dtype == np.int16
        self.seen.append(segment / 2**15)
        return np.stack([segment] * 2)


def by_the_guide(samples, rate, forward):
    """docs/guide/device.md, "The level", in Python's whole numbers."""
    size = round(0.016 * rate)
    blocks = [samples[start : start + size] for start in range(0, len(samples), size)]
    median = sorted(Fraction(sum(block), len(block)) for block in blocks)[len(blocks) // 2]
    blocks = [[x - math.floor(median + Fraction(1, 2)) for x in block] for block in blocks]
    loudest = [max(map(abs, block)) for block in blocks]
    levels = []
    for place, own in enumerate(loudest):
        nearby = sorted(loudest[max(place - 62, 0) : place + 63])
        levels.append(max(nearby[-3] if len(nearby) > 2 else 0, own))
    edges = [levels[0], *map(max, zip(levels, levels[1:], strict=False)), levels[-1]]
    of_sample = [
        (first * (size - j) + last * j) // size
        for first, last, block in zip(edges, edges[1:], blocks, strict=False)
        for j in range(len(block))
    ]
    centered = [x for block in blocks for x in block]
    heard = [
        min(max(x * 32768 // max(level, 32), -32768), 32767)
        for x, level in zip(centered, of_sample, strict=True)
    ]
    return [
        (y * level + 16384) // 32768
        for y, level in zip(forward(heard), of_sample, strict=True)
    ]


@pytest.mark.parametrize("samples", [1, 300, 15_001])
def test_the_rule_that_the_guide_gives_to_other_programs(samples):
    class Quarter(Echo):
        class metadata(Echo.metadata):
            sample_rate, segment = 8000, 16_000

        def forward_int16(self, segment):
            return np.stack([segment // 4] * 2)

    rng = np.random.default_rng(samples)
    envelope = np.interp(np.arange(samples), [0, 4000, 4200, 12000], [9000, 9000, 20, 700])
    recording = np.round(envelope * rng.uniform(-1, 1, samples) + 31).astype(np.int16)
    found = levelled_int16(Quarter())(recording)
    expected = by_the_guide(recording.tolist(), 8000, lambda heard: [x // 4 for x in heard])
    assert found[0].tolist() == expected


int16_segments = arrays(np.int16, st.integers(1, 40), elements=st.integers(-(2**15), 2**15 - 1))


@given(int16_segments, st.booleans())
def test_integers_see_and_give_what_floats_do(segment, is_running):
    loudest = None if is_running else peak(segment) or 1
    in_integers, in_floats = Echo(), Echo()
    estimates = levelled_int16(in_integers, loudest)(segment)
    expected = levelled(in_floats, None if loudest is None else loudest / 2**15)(
        segment / np.float32(2**15)
    )
    assert estimates.dtype == np.int16
    # float32 cannot hold every quotient, so a sample may floor to the neighbouring step.
    within = np.clip(expected, -1, 1 - 2.0**-15)
    np.testing.assert_allclose(estimates / 2**15, within, atol=1.01 * 2.0**-15)
    for seen, seen_by_floats in zip(in_integers.seen, in_floats.seen, strict=True):
        np.testing.assert_allclose(seen, seen_by_floats, atol=1.01 * 2.0**-15)


@given(int16_segments)
def test_full_scale_passes_unchanged(segment):
    estimates = levelled_int16(Echo(), 2**15)(segment)
    assert np.array_equal(estimates, [segment, segment])


@pytest.mark.parametrize("dtype, level", [(np.int16, levelled_int16), (np.float32, levelled)])
@pytest.mark.parametrize("loudest", [None, 1])
def test_silence_gives_silence_without_the_network(dtype, level, loudest):
    engine = Echo()
    estimates = level(engine, loudest)(np.zeros(8, dtype))
    assert estimates.dtype == dtype and estimates.shape == (2, 8) and not estimates.any()
    assert engine.seen == []


def test_peaks():
    assert peak(np.array([3, -32768], np.int16)) == 32768
    assert peak(np.array([0.25, -0.5], np.float32)) == 0.5
    assert peak(np.zeros(0, np.float32)) == 0
    with pytest.raises(FqssError, match="too large"):
        peak(np.array([np.inf], np.float32))


@pytest.mark.parametrize("largest", [1, 328, 9000, FULL_SCALE, 3_000_000])
def test_there_and_back_is_a_step_of_the_network_off(largest):
    samples = np.random.default_rng(0).integers(-largest, largest, 1000).clip(-(2**15), 2**15 - 1)
    levels = np.full(1000, float(largest))
    heard = to_full_scale_int16(samples.astype(float), levels, least=1.0)
    returned = from_full_scale_int16(heard, levels)
    assert np.abs(returned - samples).max() <= np.ceil(largest / FULL_SCALE)


def test_only_what_exceeds_the_peak_is_clipped():
    loud = to_full_scale_int16(np.array([-200.0, -100, 99, 200]), np.full(4, 100.0))
    assert loud.tolist() == [-FULL_SCALE, -FULL_SCALE, 99 * FULL_SCALE // 100, FULL_SCALE - 1]


@pytest.mark.parametrize("level", [1.0, 10.0, LEAST_LEVEL])
def test_a_noise_floor_does_not_become_louder(level):
    samples = np.array([-level, level])
    heard = to_full_scale_int16(samples, np.full(2, level))
    assert np.abs(heard).max() <= FULL_SCALE * level / LEAST_LEVEL
    # A network that answers the lowest sample with a thirtieth of full scale.
    answered = from_full_scale_int16(np.maximum(heard, 1000), np.full(2, level))
    assert np.abs(answered).max() <= level
