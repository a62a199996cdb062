"""SepFormer, DPTNet and DPRNN give what the published networks gave."""


import numpy as np
import pytest
import tensorflow as tf
import tf_keras as keras
from hypothesis import given, settings
from hypothesis import strategies as st

from fqss_tf.errors import FqssError
from fqss_tf.models import registry
from fqss_tf.models.dprnn.sizes import DPRNNConfig
from fqss_tf.models.dptnet.sizes import DPTNetConfig
from fqss_tf.models.dptnet_asteroid.sizes import AsteroidDPTNetConfig
from fqss_tf.models.published_shapes import published_form
from fqss_tf.models.sepformer.sizes import SepFormerConfig
from fqss_tf.models.waveform_weights import assign, samples_kernel_to_blocks
from fqss_tf.models.waveform_weights import transposed_kernel_to_blocks as to_blocks

ORIGINALS = (
    "fqss_sepformerq_a", "speechbrain_sepformer_a", "fqss_dptnetq_a", "ujscjj_dptnet_a",
    "asteroid_dptnet_a", "asteroid_dprnntasnet_a",
)
TINY = {
    "sepformer": SepFormerConfig(
        filters=16, width=8, chunk=7, blocks=1, intra_layers=1, inter_layers=1, heads=2,
        feed_forward=12,
    ),
    "dptnet": DPTNetConfig(
        filters=16, kernel=4, hop=2, width=8, chunk=7, blocks=1, heads=2, hidden=5
    ),
    "dptnet-asteroid": AsteroidDPTNetConfig(
        filters=16, chunk=7, chunk_hop=3, blocks=1, heads=2, hidden=5
    ),
    "dprnn": DPRNNConfig(filters=16, width=8, chunk=6, chunk_hop=3, blocks=1, hidden=5),
}
# Parameters as published; the pe tables of SepFormer are no parameters, and an LSTM of PyTorch has
# two biases where one will do: 4 * hidden for each direction, path and block.
PUBLISHED_PARAMETERS = {
    "sepformer": 25_679_361,
    "dptnet": 2_834_945 - 4 * 128 * 2 * 2 * 6,
    "dptnet-asteroid": 8_529_025 - 4 * 256 * 2 * 2 * 6,
}


def published(reference):
    """The network with its publisher's input and output."""
    return published_form(reference.model(), reference.config, reference.imported.publisher)


# The other three are compared in tests/importing, from the checkpoints of PyTorch.
@pytest.mark.parametrize("name", ["fqss_sepformerq_a", "fqss_dptnetq_a", "asteroid_dprnntasnet_a"])
def test_output_equals_the_original_network(name, original, relative_error):
    reference = original(name)
    estimates = published(reference)(reference.arrays["input"]).numpy()
    assert relative_error(estimates, reference.arrays["output"]) <= 5e-6


@pytest.mark.parametrize("name", ORIGINALS)
def test_output_equals_the_original_network_in_double_precision(
    name, original, relative_error, floatx
):
    floatx("float64")
    reference = original(name)
    network = published(reference)
    with_recorded_positions(network.layers, reference)
    recorded = reference.arrays["output64"]
    estimates = network(reference.arrays["input"][: len(recorded)].astype(np.float64)).numpy()
    assert estimates.dtype == np.float64
    assert relative_error(estimates, recorded) <= 1e-9


def with_recorded_positions(layers, reference):
    """The float32 sines of PyTorch differ from anyone else's in the last bit."""
    for layer in layers:
        if isinstance(layer, keras.Model):
            with_recorded_positions(layer.layers, reference)
        elif layer.name.endswith("_positions"):
            key = next(key for key in reference.arrays if key.endswith(".pe"))
            difference = np.abs(layer.table - reference.arrays[key][0])[:100].max()
            assert difference <= 2e-7
            layer.table = tf.constant(reference.arrays[key][0], tf.float64)


@pytest.mark.parametrize("name", ["fqss_sepformerq_a", "speechbrain_sepformer_a"])
def test_inner_tensors_equal_the_original_network(name, original, relative_error):
    reference = original(name)
    model = reference.model()
    inner = keras.Model(model.input, [model.get_layer(n).output for n in ("encoded", "mask")])
    encoded, masks = inner(reference.mixture)
    recorded = reference.arrays["act/encoder"]
    assert relative_error(np.moveaxis(encoded[:, 0], -1, 1), recorded) <= 5e-6
    masks = np.moveaxis(masks, -1, 2)
    if name.startswith("speechbrain"):
        masks = masks.swapaxes(0, 1)
    assert relative_error(masks, reference.arrays["act/masks"]) <= 5e-6


@pytest.mark.parametrize("name", ["fqss_sepformerq_split2_a", "fqss_dptnetq_split2_a"])
def test_two_planes_equal_the_original_network(name, original_planes, relative_error):
    recording = original_planes(name)
    config = recording.config
    residual = "frames" if "dptnet" in name else "samples"
    model = registry.build(config, input_planes=2, output_planes=2, residual=residual)
    assign(model, stage_weights(recording, config, residual))
    inner = keras.Model(model.get_layer("splitter").output, [model.output, *(
        model.get_layer(layer).output for layer in ("encoded", "stage_0")
    )])
    planes = np.moveaxis(recording.arrays["act/splitter"], 1, -1)[:, None]
    estimates, encoded, first = (output.numpy() for output in inner(planes))
    recorded = recording.arrays["act/encoder"]
    assert relative_error(np.moveaxis(encoded[:, 0], -1, 1), recorded) <= 5e-5
    assert relative_error(estimates[..., 0], recording.arrays["output"]) <= 5e-5
    assert relative_error(first[..., 0], recording.arrays["output"]) > 5e-4


def stage_weights(recording, config, residual):
    """Weights of the second plane and stage, in the recorded network's sense."""
    hop, filters = config.hop, config.filters
    decoder = second = recording.weights["decoder_0"][0]
    encoder = recording.residual["residual_encoder.weight"]
    weights = {}
    if "residual_decoder.weight" in recording.residual:
        second = to_blocks(recording.residual["residual_decoder.weight"], hop)
    if residual == "frames":
        frames = decoder[0, ::-1].transpose(1, 0, 2).reshape(filters, config.kernel)
        weights["frames_1"] = [frames[None, None]]
        weights["residual_encoder_1"] = [encoder.T[None, None]]
    else:
        weights["residual_encoder_1"] = [samples_kernel_to_blocks(encoder, hop)]
    return recording.weights | weights | {
        "encoder_1": [
            samples_kernel_to_blocks(recording.encoder[:, 1:], hop), np.zeros(filters),
        ],
        "decoder_0": [decoder, np.zeros(hop)],
        # Our combiner adds (stage_1 + 1) / 256, the original's stage_1 / 256.
        "decoder_1": [second, np.full(hop, -1.0)],
    }


@pytest.mark.parametrize("network", PUBLISHED_PARAMETERS)
def test_defaults_have_the_published_number_of_parameters(network):
    model = registry.build(registry.NETWORKS[network].sizes)
    assert model.count_params() == PUBLISHED_PARAMETERS[network]


@pytest.fixture(scope="module")
def tiny():
    """Function network -> its tiny model, built once."""
    models = {}

    def model_of(network):
        if network not in models:
            models[network] = registry.build(TINY[network])
        return models[network]

    return model_of


@pytest.mark.parametrize("network", TINY)
@settings(max_examples=4)
@given(hops=st.integers(2, 90), batch=st.integers(1, 3))
def test_output_is_as_long_as_the_input(network, tiny, hops, batch):
    samples = hops * TINY[network].hop
    mixture = np.random.default_rng(hops).uniform(-1, 1, (batch, 1, samples, 1))
    estimates = tiny(network)(mixture.astype(np.float32)).numpy()
    assert estimates.shape == (batch, 2, samples, 1)
    assert np.isfinite(estimates).all()


@pytest.mark.parametrize("network", TINY)
def test_items_of_a_batch_do_not_touch_each_other(network, tiny, relative_error):
    mixture = np.random.default_rng(0).uniform(-1, 1, (2, 1, 320, 1)).astype(np.float32)
    together = tiny(network)(mixture).numpy()
    alone = tiny(network)(mixture[1:]).numpy()
    assert relative_error(together[1:], alone) <= 1e-5


@pytest.mark.parametrize("network", TINY)
def test_traced_at_a_static_shape_the_outputs_are_static(network, tiny):
    traced = tf.function(tiny(network), autograph=False).get_concrete_function(
        tf.TensorSpec([1, 1, 320, 1])
    )
    assert traced.outputs[0].shape == (1, 2, 320, 1)


@pytest.mark.parametrize("network", TINY)
def test_a_model_is_restored_from_its_description(network, tiny, relative_error):
    model = tiny(network)
    copy = keras.Model.from_config(model.get_config())
    copy.set_weights(model.get_weights())
    mixture = np.random.default_rng(0).uniform(-1, 1, (1, 1, 160, 1)).astype(np.float32)
    assert relative_error(copy(mixture).numpy(), model(mixture).numpy()) == 0


@pytest.mark.parametrize("network", TINY)
def test_every_weight_gets_a_gradient(network, tiny):
    model = tiny(network)
    mixture = np.random.default_rng(0).uniform(-1, 1, (2, 1, 320, 1)).astype(np.float32)
    with tf.GradientTape() as tape:
        loss = tf.reduce_mean(model(mixture, training=True) ** 2)
    gradients = tape.gradient(loss, model.trainable_variables)
    for variable, gradient in zip(model.trainable_variables, gradients, strict=True):
        assert gradient is not None, variable.name
        # A bias of the keys moves all scores of a query alike, which softmax does not see.
        if not variable.name.endswith("_key/bias:0"):
            assert np.abs(gradient).max() > 0, variable.name


@pytest.mark.parametrize("config, values, reason", [
    (SepFormerConfig, {"heads": 7}, "model.width 256 is not a multiple of model.heads 7"),
    (SepFormerConfig, {"chunk": 1}, "model.chunk is 1"),
    (DPRNNConfig, {"chunk_hop": 101}, "model.chunk_hop 101 is above model.chunk 100"),
    (AsteroidDPTNetConfig, {"mask_activation": "softmax"}, "model.mask_activation"),
])
def test_sizes_that_cannot_be(config, values, reason):
    with pytest.raises(FqssError, match=reason):
        config(**values)
