from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
import tf_keras as keras

from fqss_tf.quantization.fake_quant import fake_quantize, fake_quantize_per_channel
from fqss_tf.quantization.quantizers import (
    SHIFT_RATE,
    ConstantRangeQuantizer,
    RangeQuantizer,
    WeightQuantizer,
)

RECORDED = np.load(Path(__file__).parents[1] / "fixtures" / "fqss_quantizers.npz")
BITS = (2, 4, 8)
RANGES = {"asym": (-0.9, 1.3), "asym_pos": (0.0, 1.1), "sym": (-1.1, 1.1)}
every_range = pytest.mark.parametrize("kind", RANGES)
every_width = pytest.mark.parametrize("bits", BITS)


def step(minimum, maximum, bits):
    return (maximum - minimum) / (2**bits - 1)


def nudged(minimum, maximum, bits):
    """The range that is rounded to: the given one, shifted so that 0 is a whole step.

    In float32, as TensorFlow has it, which decides where the shift is exactly half a step.
    """
    low, high = np.float32(minimum), np.float32(maximum)
    width = (high - low) / np.float32(2**bits - 1)
    low = -np.floor(-low / width + np.float32(0.5)) * width
    return float(low), float(low + (2**bits - 1) * width)


def run(minimum, maximum, bits):
    """Output and gradients (x, minimum, maximum) for the recorded input and upstream gradient."""
    x, minimum, maximum = (tf.constant(v, tf.float32) for v in (RECORDED["x"], minimum, maximum))
    with tf.GradientTape() as tape:
        tape.watch([x, minimum, maximum])
        y = fake_quantize(x, minimum, maximum, bits)
        loss = tf.reduce_sum(y * RECORDED["upstream"])
    return y.numpy(), [g.numpy() for g in tape.gradient(loss, [x, minimum, maximum])]


def expected_gradients(y, minimum, maximum, margin=0.0):
    """What the docstring says, for a range widened by ``margin`` on each side."""
    x, upstream = RECORDED["x"].astype(float), RECORDED["upstream"].astype(float)
    below, above = x < minimum - margin, x > maximum + margin
    inside = ~(below | above)
    relative_error = np.where(inside, (y - x) / (maximum - minimum), 0)
    return [
        np.where(inside, upstream, 0),
        np.sum(upstream * np.where(below, 1, -relative_error)),
        np.sum(upstream * np.where(above, 1, relative_error)),
    ]


@every_width
def test_values_equal_the_original_where_zero_is_on_its_grid(bits):
    y, _ = run(*RANGES["asym_pos"], bits)
    np.testing.assert_allclose(y, RECORDED[f"linear/asym_pos_{bits}b/y"], rtol=0, atol=1e-6)


@every_width
@every_range
def test_values_are_within_one_step_of_the_original(kind, bits):
    y, _ = run(*RANGES[kind], bits)
    distance = np.abs(y - RECORDED[f"linear/{kind}_{bits}b/y"]).max()
    assert distance <= step(*RANGES[kind], bits) * (1 + 1e-5)


@every_width
@every_range
def test_values_are_whole_steps_from_an_exact_zero(kind, bits):
    y, _ = run(*RANGES[kind], bits)
    in_steps = y / step(*RANGES[kind], bits)
    np.testing.assert_allclose(in_steps, np.round(in_steps), atol=1e-3)
    assert len(np.unique(y)) <= 2**bits
    assert fake_quantize(tf.zeros(1), *map(tf.constant, RANGES[kind]), bits).numpy() == 0


@every_width
@every_range
def test_gradients_follow_the_documented_rule(kind, bits):
    y, gradients = run(*RANGES[kind], bits)
    expected_ones = expected_gradients(y, *nudged(*RANGES[kind], bits))
    for actual, expected in zip(gradients, expected_ones, strict=True):
        np.testing.assert_allclose(actual, expected, rtol=1e-4, atol=1e-4)


@every_width
@pytest.mark.parametrize("kind", ["asym", "asym_pos"])
def test_the_rule_is_the_originals_up_to_half_a_step_at_the_edges(kind, bits):
    """The original clips after rounding: values up to half a step outside count as inside."""
    entry = f"linear/{kind}_{bits}b/"
    half = step(*RANGES[kind], bits) / 2
    expected = expected_gradients(RECORDED[entry + "y"], *RANGES[kind], margin=half)
    for name, value in zip(("grad_x", "grad_min", "grad_max"), expected, strict=True):
        np.testing.assert_allclose(RECORDED[entry + name].squeeze(), value, rtol=1e-4, atol=1e-4)
    _, (to_x, _, _) = run(*RANGES[kind], bits)
    x = RECORDED["x"]
    clear = np.all([np.abs(x - edge) > half for edge in RANGES[kind]], axis=0)
    assert clear.mean() > 0.2
    np.testing.assert_allclose(to_x[clear], RECORDED[entry + "grad_x"][clear], rtol=1e-6)


def test_per_channel_values_and_gradients():
    rng = np.random.default_rng(0)
    kernel = rng.normal(size=(1, 3, 40, 4)).astype(np.float32)
    maximum = np.float32([0.5, 1.0, 2.0, 4.0])
    upstream = rng.normal(size=kernel.shape).astype(np.float32)
    x, ranges = tf.constant(kernel), tf.constant(maximum)
    with tf.GradientTape() as tape:
        tape.watch([x, ranges])
        y = fake_quantize_per_channel(x, ranges)
        loss = tf.reduce_sum(y * upstream)
    to_x, to_maximum = (g.numpy() for g in tape.gradient(loss, [x, ranges]))
    scale = maximum / 127
    expected = np.clip(np.round(kernel / scale), -127, 127) * scale
    np.testing.assert_allclose(y, expected, rtol=0, atol=1e-5)
    inside = np.abs(kernel) <= maximum
    assert 0 < inside.mean() < 1
    np.testing.assert_array_equal(to_x, np.where(inside, upstream, 0))
    each = np.where(inside, (expected - kernel) / maximum, np.sign(kernel))
    np.testing.assert_allclose(to_maximum, (upstream * each).sum((0, 1, 2)), rtol=1e-3, atol=1e-3)


@pytest.fixture
def owner():
    """A layer that owns the variables of a quantizer."""
    return keras.layers.Layer()


def rounding(quantizer):
    """The quantizer in the mode that rounds."""
    quantizer.mode = "quantize"
    return quantizer


@pytest.mark.parametrize("channel_axis, original_axis", [(-1, 0), (-2, 1)])
def test_weights_have_127_steps_up_to_the_largest(channel_axis, original_axis, owner):
    """The original's step is 2 max|w| / 255 on [-128, 127]; integer kernels want max|w| / 127."""

    def as_keras(recorded):
        channels_last = np.moveaxis(recorded, original_axis, -1)
        flat = channels_last.reshape(1, -1, channels_last.shape[-1])
        return flat[..., None] if channel_axis == -2 else flat[None]

    kernel = as_keras(RECORDED["w"])
    quantizer = WeightQuantizer(channel_axis=channel_axis)
    weights = quantizer.build(tf.TensorShape(kernel.shape), "kernel", owner)
    quantizer.mode = "calibrate"
    untouched = quantizer(tf.constant(kernel), True, weights)
    np.testing.assert_array_equal(untouched, kernel)
    quantizer.mode = "quantize"
    y = quantizer(tf.constant(kernel), True, weights).numpy()

    others = tuple(i for i in range(4) if i != channel_axis % 4)
    scale = np.abs(kernel).max(others, keepdims=True) / 127
    np.testing.assert_allclose(y, np.round(kernel / scale) * scale, rtol=0, atol=1e-5)
    np.testing.assert_allclose(quantizer.scale(weights), scale.ravel(), rtol=1e-6)
    assert (np.abs(y - as_keras(RECORDED[f"weight/ch{original_axis}/y"])) <= scale * 1.01).all()


def test_weights_with_one_range(owner):
    quantizer = WeightQuantizer(channel_axis=None)
    gamma = tf.constant([0.3, -2.54, 0.0])
    weights = quantizer.build(gamma.shape, "gamma", owner)
    quantizer.mode = "calibrate"
    quantizer(gamma, True, weights)
    quantizer.mode = "quantize"
    np.testing.assert_allclose(quantizer(gamma, False, weights), [0.3, -2.54, 0], atol=1e-6)
    assert quantizer.scale(weights) == pytest.approx(0.02)


def test_calibrating_ranges_follow_the_original(owner):
    batches, ranges = RECORDED["act_seq"], RECORDED["act_seq_ranges"]
    quantizer = RangeQuantizer()
    weights = quantizer.build(batches.shape[1:], "output", owner)
    quantizer.mode = "calibrate"
    for batch, (minimum, maximum) in zip(batches[:50], ranges, strict=False):
        np.testing.assert_array_equal(quantizer(tf.constant(batch), True, weights), batch)
        assert weights["minimum"].numpy() == pytest.approx(minimum, rel=1e-5)
        assert weights["maximum"].numpy() == pytest.approx(maximum, rel=1e-5)
    quantizer.mode = "quantize"
    for batch, original in zip(batches[50:], RECORDED["act_seq_out"][50:], strict=True):
        distance = np.abs(quantizer(tf.constant(batch), True, weights) - original).max()
        assert distance <= quantizer.scale(weights) * 1.001


@pytest.mark.parametrize("batches", [1, 20])
def test_nothing_of_the_start_is_left_when_observing_ends(owner, batches):
    quantizer = RangeQuantizer()
    weights = quantizer.build((3,), "output", owner)
    quantizer.mode = "calibrate"
    for _ in range(batches):
        quantizer(tf.constant([-0.01, 0.0, 9.0]), True, weights)
    quantizer.finish_calibration(batches)
    assert weights["minimum"].numpy() == pytest.approx(-0.01, rel=1e-4)
    assert weights["maximum"].numpy() == pytest.approx(9.0, rel=1e-4)


def test_evaluation_does_not_observe(owner):
    quantizer = RangeQuantizer()
    weights = quantizer.build((3,), "output", owner)
    quantizer.mode = "calibrate"
    quantizer(tf.constant([-9.0, 0.0, 9.0]), False, weights)
    assert (weights["minimum"].numpy(), weights["maximum"].numpy()) == (-0.5, 0.5)


def test_non_negative_range_starts_at_zero(owner):
    quantizer = rounding(RangeQuantizer(non_negative=True))
    weights = quantizer.build((3,), "output", owner)
    assert set(weights) == {"maximum", "maximum_shift"}
    weights["maximum"].assign(2.55)
    y = quantizer(tf.constant([-1.0, 0.013, 9.0]), False, weights)
    np.testing.assert_allclose(y, [0, 0.01, 2.55], atol=1e-6)
    assert quantizer.scale(weights) == pytest.approx(0.01)


@pytest.mark.parametrize("trained", [(0.2, 1.0), (-1.0, -0.2), (-0.1, -0.3), (0.0, 0.0)])
def test_trained_range_without_zero_still_quantizes_zero_to_zero(trained, owner):
    quantizer = rounding(RangeQuantizer())
    weights = quantizer.build((3,), "output", owner)
    weights["minimum"].assign(trained[0])
    weights["maximum"].assign(trained[1])
    y = quantizer(tf.constant([0.0, 0.5, -0.5]), False, weights).numpy()
    assert np.isfinite(y).all() and y[0] == 0
    assert quantizer.scale(weights) > 0


@pytest.mark.parametrize("minimum", [-1.0, -128 / 127, -127.55 / 127.45])
def test_a_squared_tensor_has_another_zero_point_than_zero(minimum, owner):
    quantizer = RangeQuantizer(squared=True)
    quantizer.build((3,), "output", owner)
    quantizer.variables["minimum"].assign(minimum)
    quantizer.variables["maximum"].assign(1.0)
    low, high = quantizer.range()
    assert round(-low * 255 / (high - low)) == 129
    assert high == 1 and 1.01 * minimum - 0.02 < low <= minimum
    plain = RangeQuantizer()
    plain.build((3,), "output", owner)
    plain.variables["minimum"].assign(minimum)
    plain.variables["maximum"].assign(1.0)
    assert plain.range() == (pytest.approx(minimum), 1)


@pytest.mark.parametrize("minimum", [-0.98, -1.03, 0.0])
def test_the_range_of_a_squared_tensor_stays_where_its_zero_point_is_not_zero(minimum, owner):
    quantizer = RangeQuantizer(squared=True)
    quantizer.build((3,), "output", owner)
    quantizer.variables["minimum"].assign(minimum)
    quantizer.variables["maximum"].assign(1.0)
    assert quantizer.range() == (pytest.approx(minimum), 1)


def test_a_shift_moves_the_range_by_its_share_of_the_width(owner):
    quantizer = rounding(RangeQuantizer())
    weights = quantizer.build((3,), "output", owner)
    weights["minimum"].assign(-1.0)
    weights["maximum"].assign(3.0)
    weights["minimum_shift"].assign(0.1 / SHIFT_RATE)
    weights["maximum_shift"].assign(-0.2 / SHIFT_RATE)
    y = quantizer(tf.constant([-9.0, 0.0, 9.0]), False, weights)
    scale = quantizer.scale(weights)
    assert scale == pytest.approx((2.2 + 0.6) / 255, rel=1e-5)
    np.testing.assert_allclose(y, [-0.6, 0, 2.2], atol=scale)


@pytest.mark.parametrize("bits", [8, 16])
def test_waveform_range_is_constant(bits, owner):
    quantizer = rounding(ConstantRangeQuantizer(1 / 128, bits=bits))
    assert quantizer.build((3,), "output", owner) == {}
    levels = 2 ** (bits - 1)
    x = tf.constant([-1.5, -1.0, 0.3, 0.0, 1.5])
    expected = np.clip(np.round(x.numpy() * levels), -levels, levels - 1) / levels
    np.testing.assert_allclose(quantizer(x, True, {}), expected, rtol=0, atol=1e-7)
    assert quantizer.scale({}) == 1 / levels


def test_zero_point_moves_the_range(owner):
    quantizer = rounding(ConstantRangeQuantizer(1 / 256, -128))
    y = quantizer(tf.constant([-0.2, 0.0, 0.5, 1.0]), True, {})
    np.testing.assert_allclose(y, [0, 0, 0.5, 255 / 256], rtol=0, atol=1e-7)
