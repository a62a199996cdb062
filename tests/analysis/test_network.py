import numpy as np
import pytest

from fqss_tf.analysis.network import KINDS, QuantizedParts
from fqss_tf.quantization import wrap
from fqss_tf.types import Planes

CASES = [
    pytest.param(("batch", (1, 1)), id="batch"),
    pytest.param(("global", (1, 1)), id="global", marks=pytest.mark.slow),
    pytest.param(("batch", (2, 2)), id="split"),
]


@pytest.fixture(scope="module", params=CASES)
def case(request, untrained):
    """(network in parts, the model it is made of, mixtures)."""
    norm, stages = request.param
    model = untrained(f"model.norm={norm}").calibrated_model(stages)
    mixtures = np.random.default_rng(0).uniform(-0.9, 0.9, (2, 800)).astype(np.float32)
    return QuantizedParts(model), model, mixtures


def whole(model, mixtures, bits):
    """The model's own pass with every quantizer on."""
    for quantizer in wrap.quantizers(model):
        quantizer.bits = bits
    wrap.set_mode(model, "quantize")
    estimates = model(mixtures[:, None, :, None], training=False)[..., 0].numpy()
    wrap.set_mode(model, "calibrate")
    return estimates


def test_all_tensors_quantized_are_the_quantized_model(case):
    network, model, mixtures = case
    values = network.float_pass(mixtures)
    for bits in (4, 8, 12):
        found = network.quantized(values, network.tensors, bits)
        assert np.array_equal(found, whole(model, mixtures, bits))


def test_no_tensor_quantized_is_the_float_model(case):
    network, model, mixtures = case
    values = network.float_pass(mixtures)
    expected = model(mixtures[:, None, :, None], training=False)[..., 0].numpy()
    assert np.array_equal(network.quantized(values, [], 8), expected)
    assert network.float_estimates(values).shape == expected.shape


def test_only_what_lies_behind_a_tensor_runs_and_the_result_is_that_of_all(case):
    network, model, mixtures = case
    values = network.float_pass(mixtures)
    for tensor in network.tensors[::5]:
        found = network.quantized(values, [tensor], 4)
        tensor.quantizer.mode, tensor.quantizer.bits = "quantize", 4
        expected = model(mixtures[:, None, :, None], training=False)[..., 0].numpy()
        tensor.quantizer.mode = "calibrate"
        assert np.array_equal(found, expected), tensor.name


def test_every_quantizer_is_a_tensor_with_a_kind(case):
    network, model, _ = case
    assert {id(tensor.quantizer) for tensor in network.tensors} == set(
        map(id, wrap.quantizers(model))
    )
    assert {tensor.kind for tensor in network.tensors} == set(KINDS)


@pytest.mark.parametrize("planes", [Planes(1, 1), Planes(2, 2)])
@pytest.mark.parametrize("sums", [False, True])
def test_outputs_are_the_tensors_that_leave_the_network(untrained, planes, sums):
    settings = ("model.sum_to_mixture=true", "model.mask_activation=linear") if sums else ()
    network = QuantizedParts(untrained("model.norm=batch", *settings).calibrated_model(planes))
    places = {tensor.place for tensor in network.tensors if tensor.kind == "output"}
    # Of sources that add up to the mixture, the decoder gives half the difference.
    names = ["source_0", "source_1"] if sums else ["decoder"]
    assert places == {f"{name}_{plane}" for name in names for plane in range(planes.output)}


def test_a_float_pass_is_as_before_after_any_quantization(case):
    network, _, mixtures = case
    before = network.float_pass(mixtures)
    network.quantized(before, network.tensors, 4)
    after = network.float_pass(mixtures)
    assert all(np.array_equal(before[name], after[name]) for name in before)


def test_own_noise_is_that_of_the_rounded_values(case):
    network, _, mixtures = case
    values = network.float_pass(mixtures)
    total = {4: 0.0, 8: 0.0}
    for tensor in network.tensors:
        for bits in total:
            noise = network.own_noise(values, tensor, bits)
            if "/" in tensor.name and tensor.kind == "activation":
                assert noise is None  # inside a composite layer
                continue
            assert 0 <= noise["clipped"] <= noise["noise"] and noise["used"] >= 0, tensor.name
            if tensor.kind == "output" and tensor.place == "decoder_1":
                continue  # nothing remains where the first plane is not rounded
            rounding = noise["noise"] - noise["clipped"]
            total[bits] += rounding / max(noise["signal"], 1e-20)
    assert 0 < total[8] < total[4] / 50


def test_values_beyond_the_range_are_told_from_rounding(case):
    network, _, mixtures = case
    (inputs,) = [tensor for tensor in network.tensors if tensor.kind == "input"]
    values = network.float_pass(mixtures)
    values[inputs.place] = 3 * values[inputs.place]
    beyond = network.own_noise(values, inputs, 8)
    assert beyond["clipped"] > 0.99 * beyond["noise"] and beyond["used"] > 2


def test_float_estimates_have_all_bits_of_a_mixture_that_sources_share(untrained):
    model = untrained("model.sum_to_mixture=true").calibrated_model(Planes(2, 2))
    network = QuantizedParts(model)
    mixtures = np.random.default_rng(0).uniform(-0.9, 0.9, (2, 800)).astype(np.float32)
    estimates = network.float_estimates(network.float_pass(mixtures))
    assert np.abs(estimates.sum(axis=1) - mixtures).max() < 1 / 2**14
