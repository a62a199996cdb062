import dataclasses
import functools

import numpy as np
import pytest
import tensorflow as tf
import tf_keras as keras

from fqss_tf.errors import FqssError
from fqss_tf.layers.norm import GlobalLayerNorm
from fqss_tf.layers.prelu import FixedSlopePReLU
from fqss_tf.layers.statistics import ItemVariance
from fqss_tf.models import registry
from fqss_tf.models.convtasnet.sizes import ConvTasNetConfig
from fqss_tf.models.registry import network_of
from fqss_tf.quantization.bias import Wrapper, input_scale, make_room_for_biases, snap_biases
from fqss_tf.quantization.equalization import channel_ranges
from fqss_tf.quantization.folding import add_planes
from fqss_tf.quantization.quantizers import MODES, RangeQuantizer
from fqss_tf.quantization.rules import OF_THE_INPUT, OUTPUT_RULES, OUTSIDE, quantize_config
from fqss_tf.quantization.wrap import calibrate, keep_ranges, quantize, quantizers, ranges, set_mode

# Twice as many filters as kernel samples: a decoder has a right inverse only with at least as
# many, and a well-conditioned one with more.
TINY = ConvTasNetConfig(
    filters=64, kernel=32, hop=16, bottleneck=8, skip=8, hidden=16, blocks=2, repeats=1
)
KINDS = [(norm, activation) for norm in ("global", "batch") for activation in ("relu", "prelu")]
PEAK = 0.5
# Measured: 55 to 68 dB and 25 to 28 dB.
FINE, COARSE = 50, 20


class Case:
    """A float network with trained-looking statistics, its mixture and its estimates."""

    def __init__(self, norm, activation):
        keras.utils.set_random_seed(0)
        rng = np.random.default_rng(0)
        self._quantized = {}
        self.config = dataclasses.replace(TINY, norm=norm, activation=activation)
        self.network = registry.build(self.config)
        noise = rng.integers(-(2**15), 2**15, (2, 1, 800, 1))
        self.mixture = (noise / 2**15).astype(np.float32)
        for layer in self.network.layers:
            if isinstance(layer, GlobalLayerNorm):
                layer.set_weights([w + rng.normal(0, 0.2, w.shape) for w in layer.get_weights()])
        for _ in range(30 if norm == "batch" else 0):
            self.network(self.mixture, training=True)
        decoder = self.network.get_layer("decoder_0")
        gain = PEAK / np.abs(self.network(self.mixture)).max()
        decoder.set_weights([gain * weight for weight in decoder.get_weights()])
        self.estimates = self.network(self.mixture).numpy()

    def add_planes(self, stages):
        network = add_planes(self.network, self.config, input_planes=stages, output_planes=stages)
        if stages > 1:
            largest = channel_ranges(network, ["masked"], [self.mixture])["masked"]
            network_of(self.config).scale_latent(network, self.config, 0.99 / largest.max())
        return network

    def quantized(self, stages, bits):
        """With calibrated ranges; shared between tests, which leave it as it is."""
        if (stages, bits) not in self._quantized:
            model = quantize(self.add_planes(stages), bits)
            calibrate(model, [self.mixture])
            self._quantized[stages, bits] = model
        return self._quantized[stages, bits]


_case = functools.cache(Case)


@pytest.fixture(scope="module", params=KINDS, ids="-".join)
def case(request):
    return _case(*request.param)


@pytest.fixture(scope="module")
def fused():
    """The cheapest kind: batch norms folded, ReLUs in the convolutions."""
    return _case("batch", "relu")


@pytest.fixture(scope="module")
def quantized(fused):
    return fused.quantized(stages=2, bits=8)


def interior(estimates):
    """Without the first and last block, which half a kernel sees."""
    return estimates[:, :, TINY.hop : -TINY.hop]


def sqnr(estimates, reference):
    error = interior(estimates) - interior(reference)
    return 10 * np.log10(np.sum(interior(reference) ** 2) / np.sum(error**2))


def op_layers(model):
    """The layers of a quantized model that are not inputs, bare of their wrappers."""
    for layer in model.layers:
        if isinstance(layer, Wrapper):
            yield layer, layer.layer


def test_one_stage_equals_the_float_network(case):
    estimates = case.add_planes(1)(case.mixture).numpy()
    np.testing.assert_allclose(estimates, case.estimates, rtol=0, atol=1e-5 * PEAK)


def test_two_planes_equal_the_float_network_but_at_the_edges(case):
    estimates = case.add_planes(2)(case.mixture).numpy()
    np.testing.assert_allclose(
        interior(estimates), interior(case.estimates), rtol=0, atol=1e-5 * PEAK
    )


def test_two_planes_hear_16_bits_of_any_float_input(fused):
    mixture = fused.mixture * np.float32(0.7071)
    estimates = fused.add_planes(2)(mixture).numpy()
    expected = fused.network(mixture).numpy()
    np.testing.assert_allclose(interior(estimates), interior(expected), rtol=0, atol=2e-4 * PEAK)


def test_calibrating_changes_nothing(fused):
    model = quantize(fused.add_planes(2))
    set_mode(model, "calibrate")
    np.testing.assert_allclose(
        model(fused.mixture, training=True), fused.add_planes(2)(fused.mixture), rtol=0, atol=1e-6
    )


@pytest.mark.parametrize("kind", [("global", "prelu"), ("batch", "relu")], ids="-".join)
def test_16_bits_are_near_the_float_network_and_8_bits_are_not(kind):
    case = _case(*kind)  # between them, the two have every type of layer
    fine = sqnr(case.quantized(2, bits=16)(case.mixture).numpy(), case.estimates)
    coarse = sqnr(case.quantized(2, bits=8)(case.mixture).numpy(), case.estimates)
    assert fine >= FINE
    assert COARSE <= coarse < fine - 15


def test_two_planes_are_finer_than_one_when_only_waveforms_are_rounded(fused):
    one = sqnr(fused.quantized(1, bits=16)(fused.mixture).numpy(), fused.estimates)
    two = sqnr(fused.quantized(2, bits=16)(fused.mixture).numpy(), fused.estimates)
    assert two > one + 10


WITHOUT_QUANTIZER = tuple(
    layer_type
    for rule in OUTPUT_RULES if rule.output in (OF_THE_INPUT, OUTSIDE) and rule.when is None
    for layer_type in rule.types
)


def test_every_integer_tensor_has_a_quantizer(case):
    model = case.quantized(2, bits=8)
    unquantized = {
        layer.name for layer, bare in op_layers(model)
        if not isinstance(bare, (*WITHOUT_QUANTIZER, FixedSlopePReLU))
        and not layer.quantize_config.output
    }
    fused_later = {"mask_0", "mask_1", "block_1_skip_sum"}
    of_the_input = {"decoder_1_inputs"}
    if case.config.activation == "prelu":
        fused_later |= {f"block_{i}_{place}" for i in range(2) for place in ("in", "depthwise")}
    assert unquantized == fused_later | of_the_input
    assert len(list(op_layers(model))) == len(model.layers) - 1
    for layer, bare in op_layers(model):
        if isinstance(bare, keras.layers.Conv2D):
            assert len(layer._weight_vars) == 1
        if isinstance(bare, GlobalLayerNorm | ItemVariance | FixedSlopePReLU):
            assert set(layer.quantize_config.inner) == set(bare.inner_tensors)
        if isinstance(bare, GlobalLayerNorm):
            assert set(layer.quantize_config.weights) == (
                {"gamma", "beta"}
            )


def test_8_bit_tensors_have_at_most_256_values(quantized, fused):
    checked = [
        layer for layer, bare in op_layers(quantized) if layer.quantize_config.output is not None
    ]
    outputs = keras.Model(quantized.input, [layer.output for layer in checked])(fused.mixture)
    for layer, output in zip(checked, outputs, strict=True):
        steps = output.numpy() / layer.quantize_config.output.scale(layer._output_quantizer_vars)
        assert np.abs(steps - np.round(steps)).max() < 1e-2, layer.name
        assert len(np.unique(np.round(steps))) <= 256, layer.name


@pytest.fixture(scope="module")
def rectified(fused):
    """One whose features are a ReLU of the encoding, which the masks multiply as it is."""
    network = registry.build(
        dataclasses.replace(fused.config, features="rectified"), for_export=True
    )
    model = quantize(network)
    calibrate(model, [fused.mixture])
    return model


def test_a_relu_of_a_tensor_with_a_range_rounds_nothing(rectified, fused):
    (encoded,) = rectified.get_layer("features").inbound_nodes[0].parent_nodes
    places = [encoded.outputs, rectified.get_layer("features").output]
    rounded, features = keras.Model(rectified.input, places)(fused.mixture)
    assert np.min(rounded) < 0
    np.testing.assert_array_equal(features, np.maximum(rounded, 0))


def test_an_exported_relu_has_the_range_of_what_it_reads(rectified, fused):
    expected = rectified(fused.mixture)
    set_mode(rectified, "deploy")
    layer = rectified.get_layer("features")
    (source,) = layer.inbound_nodes[0].parent_nodes
    low, high = source.layer.quantize_config.output.range()
    far = tf.constant([low - 1, low / 2, high / 2, high + 1])
    beyond = layer.quantize_config.output(far, False, {})
    np.testing.assert_allclose(beyond, [low, low / 2, high / 2, high], atol=(high - low) / 255)
    np.testing.assert_allclose(rectified(fused.mixture), expected, atol=1e-6)
    set_mode(rectified, "quantize")


def test_layer_unknown_to_the_table():
    inputs = keras.Input((1, 8, 4))
    model = keras.Model(inputs, keras.layers.Softmax(name="odd")(inputs))
    with pytest.raises(FqssError, match="odd of type Softmax"):
        quantize_config(model.get_layer("odd"))
    with pytest.raises(FqssError, match="odd of type Softmax"):
        quantize(model)


def test_unknown_mode(quantized):
    with pytest.raises(ValueError, match="'train'"):
        set_mode(quantized, "train")


def test_constant_ranges_round_as_variable_ones(case):
    model = case.quantized(2, bits=8)
    expected = model(case.mixture).numpy()
    set_mode(model, "deploy")
    found = model(case.mixture).numpy()
    set_mode(model, "quantize")  # other tests share the model
    np.testing.assert_array_equal(found, expected)


def test_modes_reach_every_quantizer(fused):
    model = quantize(fused.add_planes(2))
    everything = quantizers(model)
    assert everything
    for mode in MODES:
        set_mode(model, mode)
        assert {quantizer.mode for quantizer in everything} == {mode}


def test_ranges_of_all_tensors_can_be_watched(case):
    model = case.quantized(2, bits=8)
    found = ranges(model)
    trained = [item for item in quantizers(model) if isinstance(item, RangeQuantizer)]
    assert len(found) == len(trained) > 10
    assert all(low <= 0 <= high and low < high for low, high in found.values())
    assert any(name.startswith("block_0_in") for name in found)


def test_gradients_reach_every_weight_and_range(case):
    model = case.quantized(2, bits=8)
    shifts = [v for v in model.trainable_variables if v.name.endswith("_shift:0")]
    for shift in shifts:  # a range that ends exactly at a tensor's only value has no gradient
        shift.assign(tf.fill(shift.shape, -1e-5))
    with tf.GradientTape() as tape:
        loss = tf.reduce_mean((model(case.mixture, training=True) - 0.1) ** 2)
    gradients = tape.gradient(loss, model.trainable_variables)
    for shift in shifts:
        shift.assign(tf.zeros(shift.shape))
    for variable, gradient in zip(model.trainable_variables, gradients, strict=True):
        assert gradient is not None, variable.name
        assert np.isfinite(gradient.numpy()).all(), variable.name
    ranges = [
        gradient for variable, gradient in zip(model.trainable_variables, gradients, strict=True)
        if variable.name.endswith(("_max_shift:0", "_min_shift:0"))
    ]
    assert len(ranges) > 10
    assert np.mean([np.any(gradient.numpy() != 0) for gradient in ranges]) > 0.9


def test_training_leaves_the_encoder_of_the_second_plane(case):
    """Its weights are 1/256 of the first one's, and a step of Adam is as large for both."""
    model = case.quantized(2, bits=8)
    trained = {variable.name.split("/")[0] for variable in model.trainable_variables}
    assert "encoder_0" in trained and "encoder_1" not in trained


def test_kept_ranges_have_no_gradient_and_weights_do(fused):
    model = quantize(fused.add_planes(2))
    calibrate(model, [fused.mixture])
    keep_ranges(model)
    with tf.GradientTape() as tape:
        loss = tf.reduce_mean((model(fused.mixture, training=True) - 0.1) ** 2)
    gradients = tape.gradient(loss, model.trainable_variables)
    for variable, gradient in zip(model.trainable_variables, gradients, strict=True):
        assert (gradient is None) == variable.name.endswith("_shift:0"), variable.name


def test_snapped_biases_are_multiples_of_the_accumulator_scale(fused):
    model = quantize(fused.add_planes(2))
    calibrate(model, [fused.mixture] * 5)
    convolutions = [
        layer for layer, bare in op_layers(model)
        if isinstance(bare, keras.layers.Conv2D | keras.layers.DepthwiseConv2D) and bare.use_bias
    ]
    rng = np.random.default_rng(1)
    for layer in convolutions:
        layer.layer.bias.assign(rng.normal(0, 0.1, layer.layer.bias.shape))
    before = [layer.layer.bias.numpy() for layer in convolutions]
    snap_biases(model)
    once = [layer.layer.bias.numpy() for layer in convolutions]
    for layer, old, new in zip(convolutions, before, once, strict=True):
        ((_, quantizer, variables),) = layer._weight_vars
        scale = input_scale(layer) * quantizer.scale(variables)
        steps = new / scale
        np.testing.assert_allclose(steps, np.round(steps), rtol=1e-6, atol=1e-3)
        assert (np.abs(new - old) <= scale * 0.501 + 1e-7).all()
    snap_biases(model)
    for layer, bias in zip(convolutions, once, strict=True):
        np.testing.assert_array_equal(layer.layer.bias.numpy(), bias)


def test_a_bias_fits_into_the_accumulator_beside_weights_of_almost_0(fused):
    model = quantize(fused.add_planes(2))
    layer = next(
        layer for layer, bare in op_layers(model)
        if isinstance(bare, keras.layers.Conv2D) and bare.use_bias
    )
    kernel = layer.layer.kernel.numpy()
    kernel[..., 0] *= 1e-9
    layer.layer.kernel.assign(kernel)
    layer.layer.bias.assign(np.full(layer.layer.bias.shape, 0.5))
    calibrate(model, [fused.mixture])
    make_room_for_biases(model)
    snap_biases(model)
    np.testing.assert_allclose(layer.layer.bias.numpy()[0], 0.5, rtol=1e-6)
    ((_, quantizer, variables),) = layer._weight_vars
    steps = layer.layer.bias.numpy() / (input_scale(layer) * quantizer.scale(variables))
    assert np.abs(steps).max() < 2**30
