import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from fqss_tf.layers.spectral import NearestSplitter
from fqss_tf.runtime.planes import (
    behind_each_other,
    combine,
    combine_int16,
    split,
    split_int16,
    split_nearest,
)

EVERY_16_BIT_SAMPLE = np.arange(-(2**15), 2**15)
amplitudes = arrays(np.float32, st.integers(0, 50), elements=st.floats(-1, 1, width=32))


def test_two_planes_of_a_16_bit_sample_are_its_two_bytes():
    planes = split((EVERY_16_BIT_SAMPLE / 2**15).astype(np.float32), 2)
    assert planes.dtype == np.int8
    assert np.array_equal(planes[:, 0], EVERY_16_BIT_SAMPLE >> 8)
    assert np.array_equal(planes[:, 1], (EVERY_16_BIT_SAMPLE & 255) - 128)


@pytest.mark.parametrize("planes", [2, 3])
def test_combine_undoes_split_for_every_16_bit_sample(planes):
    waveform = EVERY_16_BIT_SAMPLE / 2**15
    assert np.array_equal(combine(split(waveform, planes)), waveform)


def test_one_plane_rounds_to_nearest():
    waveform = np.array([0.0, 0.6, 1.4, -0.6, -1.4]) / 128
    assert split(waveform, 1)[:, 0].tolist() == [0, 1, 1, -1, -1]


@pytest.mark.parametrize("count", [1, 2])
def test_0_is_0_in_every_plane_that_begins_with_the_nearest_step(count):
    values = np.random.default_rng(0).uniform(-1, 0.99, (1, 5, 4, 3)).astype(np.float32)
    values[0, 0] = 0
    planes = behind_each_other(split_nearest(values, count))
    assert planes.shape == (1, 5, 4, 3 * count) and not planes[0, 0].any()
    expected = NearestSplitter(count)(values).numpy() * 128
    np.testing.assert_array_equal(planes, np.round(expected))


def test_three_planes_of_a_24_bit_sample_are_its_three_bytes():
    samples = np.random.default_rng(0).integers(-(2**23), 2**23, 10000)
    planes = split(samples / 2**23, 3)
    assert np.array_equal(planes[:, 0], samples >> 16)
    assert np.array_equal(planes[:, 1], (samples >> 8 & 255) - 128)
    assert np.array_equal(planes[:, 2], (samples & 255) - 128)


@given(amplitudes, st.integers(2, 3))
def test_split_floors_to_the_finest_plane(waveform, count):
    planes = split(waveform, count)
    assert planes.shape == (*waveform.shape, count)
    below_full_scale = np.minimum(waveform.astype(np.float64), 1 - 2.0**-30)
    error = below_full_scale - combine(planes)
    step = 1 / (128 * 256.0 ** (count - 1))
    assert (error >= -(2.0**-24)).all() and (error <= step + 2.0**-24).all()


@given(amplitudes)
def test_more_planes_only_append(waveform):
    three = split(waveform, 3)
    assert np.array_equal(three[..., :2], split(waveform, 2))


def test_full_scale_and_beyond_saturate():
    assert split(np.array([1.0, 7.0, -7.0]), 2).tolist() == [[127, 127], [127, 127], [-128, -128]]


def test_split_keeps_leading_axes():
    assert split(np.zeros((2, 3, 4)), 2).shape == (2, 3, 4, 2)


def test_combine_is_the_16_bit_sample_of_every_pair_of_bytes():
    high, low = np.meshgrid(np.arange(-128, 128), np.arange(-128, 128))
    planes = np.stack([high, low], axis=-1).astype(np.int8)
    assert np.array_equal(combine(planes) * 2**15, (high << 8) + low + 128)


def test_integer_planes_are_those_of_the_floats():
    planes = split_int16(EVERY_16_BIT_SAMPLE.astype(np.int16))
    assert np.array_equal(planes, split(EVERY_16_BIT_SAMPLE / 2**15, 2))
    assert np.array_equal(combine_int16(planes), EVERY_16_BIT_SAMPLE)
    assert (planes.dtype, combine_int16(planes).dtype) == (np.int8, np.int16)
