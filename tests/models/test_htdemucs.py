"""HTDemucs gives what demucs and FQSS give, with the transform outside the graph."""

import numpy as np
import pytest
import tensorflow as tf
import tf_keras as keras

from fqss_tf.audio.hybrid import normalized, spectrogram
from fqss_tf.errors import FqssError
from fqss_tf.models import registry
from fqss_tf.models.htdemucs.branches import BRANCHES
from fqss_tf.models.htdemucs.folding import phase_kernel
from fqss_tf.models.htdemucs.sizes import HTDemucsConfig
from fqss_tf.models.inference import hybrid_function
from fqss_tf.quantization.equalization import equalize
from fqss_tf.quantization.folding import add_planes

TINY = HTDemucsConfig(
    sources=2, filters=4, kernel=256, hop=64, depth=2, branches=1, compression=2, width=8,
    layers=2, heads=2, feed_forward=8,
)
BOTH = ("demucs_htdemucs_a", "fqss_htdemucsq_a")


@pytest.fixture(scope="module")
def tiny():
    return registry.build(TINY)


def separated(reference, model, count):
    """[count, S, 2, T] of the recorded inputs, one by one."""
    separate = hybrid_function(model, reference.config.kernel)
    inputs = reference.arrays["input"][:count]
    return np.stack([separate(each.T).transpose(0, 2, 1) for each in inputs])


@pytest.mark.parametrize("name", BOTH)
def test_all_tensors_equal_those_of_the_original_network(name, original, relative_error):
    reference = original(name)
    model = reference.model()
    expected = reference.arrays["output"]
    assert relative_error(separated(reference, model, len(expected)), expected) <= 5e-6
    last = reference.config.depth - 1
    layers = {
        "act/tenc0": "time_encoder_0_rewrite_gated",
        "act/enc_last": f"frequency_encoder_{last}_rewrite_gated",
        "act/xformer_out": "frequency_from_tokens",
    }
    inner = keras.Model(model.inputs, [model.get_layer(name).output for name in layers.values()])
    samples = reference.arrays["input"][0].T
    heard = spectrogram(samples, reference.config.kernel)
    if "act/cac_spec" in reference.arrays:
        recorded = reference.arrays["act/cac_spec"][0].transpose(1, 2, 0)
        assert relative_error(heard, recorded) <= 5e-6
    outputs = inner([
        normalized(samples)[0][None, None].astype(np.float32),
        normalized(heard)[0][None].astype(np.float32),
    ])
    for key, output in zip(layers, outputs, strict=True):
        given, recorded = np.moveaxis(output.numpy(), -1, 1), reference.arrays[key]
        assert relative_error(given.reshape(recorded.shape), recorded) <= 5e-6, key


@pytest.mark.parametrize("name", BOTH)
def test_output_in_float64_equals_the_original_network(name, original, relative_error, floatx):
    floatx("float64")
    reference = original(name)
    # Demucs keeps its window and its positions in float32.
    estimates = separated(reference, reference.model(), 1)
    assert relative_error(estimates, reference.arrays["output64"]) <= 1e-6


def test_wrong_epsilons_would_fail_the_parity(original, relative_error):
    reference = original("fqss_htdemucsq_a")
    model = reference.model()
    for layer, epsilon in (
        ("frequency_encoder_1_branch_0_out_norm", 1e-3), ("time_layer_1_other_norm", 1e-3),
        ("frequency_layer_0_out_norm", 1e-3),
    ):
        right = model.get_layer(layer).epsilon
        model.get_layer(layer).epsilon = epsilon
        assert relative_error(separated(reference, model, 1), reference.arrays["output"][:1]) > 5e-6
        model.get_layer(layer).epsilon = right


def test_defaults_have_the_published_number_of_parameters():
    assert registry.build(HTDemucsConfig()).count_params() == 41_984_456


def test_any_length_gives_as_many_samples(tiny):
    separate = hybrid_function(tiny, TINY.kernel)
    for samples in (256, 1000, 1023, 3001):
        sound = np.random.default_rng(0).uniform(-1, 1, (samples, 2)).astype(np.float32)
        estimates = separate(sound)
        assert estimates.shape == (2, samples, 2)
        assert np.isfinite(estimates).all() and np.abs(estimates).max() > 0


def test_each_channel_and_each_branch_counts(tiny):
    rng = np.random.default_rng(0)
    inputs = [
        rng.standard_normal((1, 1, 1024, 2)).astype(np.float32),
        rng.standard_normal((1, 128, 16, 4)).astype(np.float32),
    ]
    before = [output.numpy() for output in tiny(inputs)]
    for number, values in enumerate(inputs):
        for channel in range(values.shape[-1]):
            changed = list(inputs)
            changed[number] = values.copy()
            changed[number][..., channel] = 0
            for output, was in zip(tiny(changed), before, strict=True):
                assert np.abs(output.numpy() - was).max() > 0


def test_traced_at_a_static_shape_the_outputs_are_static(tiny):
    traced = tf.function(lambda *inputs: tiny(inputs), autograph=False).get_concrete_function(
        tf.TensorSpec([1, 1, 1001, 2]), tf.TensorSpec([1, 128, 16, 4])
    )
    assert [tuple(output.shape) for output in traced.outputs] == [
        (1, 1, 1001, 4), (1, 128, 16, 8),
    ]


def test_a_model_is_restored_from_its_description(tiny):
    copy = keras.Model.from_config(tiny.get_config())
    copy.set_weights(tiny.get_weights())
    inputs = [np.ones((1, 1, 1000, 2), np.float32), np.ones((1, 128, 16, 4), np.float32)]
    for given, expected in zip(copy(inputs), tiny(inputs), strict=True):
        np.testing.assert_array_equal(given, expected)


def test_more_positions_than_the_table_are_refused(tiny):
    with pytest.raises(FqssError, match="2501 positions are more than the 2500 .* shorter"):
        tiny([np.zeros((1, 1, 2501 * 16, 2), np.float32), np.zeros((1, 128, 16, 4), np.float32)])


@pytest.mark.parametrize("sizes, reason", [
    ({"kernel": 2048}, "model.kernel is 2048: it must be 4 times model.hop 1024"),
    ({"depth": 5}, "model.depth 5 is too much for model.kernel 4096: a layer would have 8 freq"),
    ({"heads": 7}, "model.width 512 is not a multiple of 4 and of model.heads 7"),
    ({"compression": 7}, "model.filters 48 is not a multiple of model.compression 7"),
])
def test_sizes_that_cannot_be(sizes, reason):
    with pytest.raises(FqssError, match=reason):
        HTDemucsConfig(**sizes)


@pytest.fixture(scope="module")
def shaken():
    """With gains and biases that are not 1 and 0."""
    keras.utils.set_random_seed(0)
    network, rng = registry.build(TINY), np.random.default_rng(0)
    for layer in network.layers:
        layer.set_weights([
            weight + rng.normal(0, 0.2, weight.shape) for weight in layer.get_weights()
        ])
    return network


@pytest.fixture(scope="module")
def mixtures():
    return np.random.default_rng(0).uniform(-1, 1, (2, 1999)).astype(np.float32)


def largest_error(network, expected, inputs):
    return max(
        np.abs(given - wanted).max() / np.abs(wanted).max()
        for given, wanted in zip(network(inputs), expected(inputs), strict=True)
    )


@pytest.mark.parametrize("branch", BRANCHES, ids=lambda branch: branch.name)
def test_phases_are_a_transposed_convolution_cut_at_both_ends(branch):
    rng = np.random.default_rng(0)
    kernel = rng.normal(size=(*branch.along(8), 3, 5)).astype(np.float32)
    inputs = rng.normal(size=(1, 6, 7, 5)).astype(np.float32)
    size = [4 * size if along > 1 else size
            for size, along in zip((6, 7), branch.along(8), strict=True)]
    whole = tf.nn.conv2d_transpose(
        inputs, kernel, (1, *(full + 4 * (full > 7) for full in size), 3), branch.along(4), "VALID"
    ).numpy()
    cut = whole[:, 2:-2] if branch.along_rows else whole[:, :, 2:-2]
    phases = tf.nn.conv2d(inputs, phase_kernel(kernel, branch), 1, "SAME").numpy()
    apart = phases.reshape(1, 6, 7, 4, 3)
    placed = apart.transpose(0, 1, 3, 2, 4) if branch.along_rows else apart
    np.testing.assert_allclose(placed.reshape(1, *size, 3), cut, atol=1e-5)


def test_the_exported_form_is_the_same_function(shaken, mixtures):
    exported = add_planes(shaken, TINY, input_planes=1, output_planes=1)
    kinds = {type(layer).__name__ for layer in exported.layers}
    assert not kinds & {"Conv2DTranspose", "GatedLinearUnit", "ZeroPadding2D", "Cropping2D"}
    inputs = registry.network_of(TINY).inputs(mixtures, TINY)
    assert largest_error(exported, shaken, inputs) <= 1e-5


@pytest.mark.parametrize("inputs, outputs", [(2, 1), (1, 2), (2, 2)])
def test_planes_leave_the_function(inputs, outputs, shaken, mixtures):
    network = add_planes(shaken, TINY, input_planes=inputs, output_planes=outputs)
    equalize(network, TINY, [mixtures])
    heard = registry.network_of(TINY).inputs(mixtures, TINY)
    # Two input planes are 16 bits.
    assert largest_error(network, shaken, heard) <= (1e-3 if inputs > 1 else 1e-5)
    for splitter in ("splitter", "beside_splitter"):
        split = keras.Model(network.inputs, network.get_layer(splitter).output)(heard).numpy()
        first = split[..., : split.shape[-1] // inputs]
        assert 0.7 < np.abs(first).max() < 0.8  # a bound has room for louder songs


def test_latents_beside_samples_have_their_range(shaken, mixtures):
    network = add_planes(shaken, TINY, input_planes=1, output_planes=2)
    family = registry.network_of(TINY)
    equalize(network, TINY, [mixtures])
    heard = family.inputs(mixtures, TINY)
    for name in family.latents(TINY):
        latent = keras.Model(network.inputs, network.get_layer(name).output)(heard).numpy()
        assert 0.9 < np.abs(latent).max() < 2


def test_other_planes_are_refused():
    with pytest.raises(FqssError, match="input_planes is 3: HTDemucs takes 2 at most"):
        registry.build(TINY, input_planes=3)
    with pytest.raises(FqssError, match="quantization.output_planes is 3: use 2 at most"):
        TINY.check_output_planes(3)
    with pytest.raises(FqssError, match="residual samples is not for HTDemucs: use exact"):
        TINY.check_output_planes(2, "samples")
