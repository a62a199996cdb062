"""The ConvTasNet for music gives what demucs v2 and FQSS give, with one plane each way and two."""

import numpy as np
import pytest
import tf_keras as keras

from fqss_tf.errors import FqssError
from fqss_tf.models import registry
from fqss_tf.models.music_convtasnet.sizes import MusicConvTasNetConfig
from fqss_tf.models.published_shapes import published_form
from fqss_tf.models.waveform_weights import assign, samples_kernel_to_blocks
from fqss_tf.quantization.equalization import equalize
from fqss_tf.quantization.folding import add_planes

TINY = MusicConvTasNetConfig(
    filters=16, kernel=20, hop=10, bottleneck=8, hidden=12, blocks=2, repeats=2
)
ORIGINALS = ("fqss_convtasnetmusicq_a", "demucsv2_tasnet_a")
PUBLISHED_PARAMETERS = 10_977_872
# What the recording's own float32 noise allows (1.8e-5 of the peak at the output).
TOLERANCE_OF_PLANES = 5e-5


def music(samples, batch=2):
    return np.random.default_rng(0).uniform(-1, 1, (batch, 1, samples, 2)).astype(np.float32)


@pytest.mark.parametrize("name", ORIGINALS)
@pytest.mark.parametrize(
    "precision, recorded, tolerance", [("float32", "output", 5e-6), ("float64", "output64", 1e-9)]
)
def test_output_equals_the_original_network(
    name, precision, recorded, tolerance, original, relative_error, floatx
):
    floatx(precision)
    reference = original(name)
    model = published_form(reference.model(), reference.config, reference.imported.publisher)
    expected = reference.arrays[recorded]
    estimates = model.predict(reference.arrays["input"][: len(expected)], verbose=0)
    assert estimates.dtype == precision
    assert relative_error(estimates, expected) <= tolerance


@pytest.mark.parametrize("name", ORIGINALS)
def test_inner_tensors_equal_the_original_network(name, original, relative_error):
    reference = original(name)
    model = reference.model()
    inner = keras.Model(
        model.input, [model.get_layer("encoded").output, model.get_layer("masks").output]
    )
    mixture = np.moveaxis(reference.arrays["input"][:1], 1, -1)[:, None]
    encoded, masks = inner.predict(mixture, verbose=0)
    channels_first = np.moveaxis(encoded[:, 0], -1, 1)
    assert relative_error(channels_first, reference.arrays["act/encoder"]) <= 5e-6
    assert relative_error(np.moveaxis(masks, -1, 2), reference.arrays["act/masks"]) <= 5e-6


@pytest.mark.parametrize("layer", ["bottleneck_norm", "block_3_depthwise_norm"])
def test_a_wrong_epsilon_would_fail_the_parity(layer, original, relative_error):
    reference = original("fqss_convtasnetmusicq_a")
    model = published_form(reference.model(), reference.config, "fqss")
    model.get_layer("music_convtasnet").get_layer(layer).epsilon = 1e-4
    estimates = model.predict(reference.arrays["input"], verbose=0)
    assert relative_error(estimates, reference.arrays["output"]) > 5e-6


def test_defaults_have_the_published_number_of_parameters():
    assert registry.build(MusicConvTasNetConfig()).count_params() == PUBLISHED_PARAMETERS


@pytest.mark.parametrize("publisher, padded", [("demucs", True), ("fqss", False)])
@pytest.mark.parametrize("samples", [20, 29, 405])
def test_any_length_gives_the_published_length(publisher, padded, samples):
    model = published_form(registry.build(TINY), TINY, publisher)
    estimates = model(np.ones((1, 2, samples), np.float32)).numpy()
    whole = samples // TINY.hop * TINY.hop
    assert estimates.shape == (1, 4, 2, samples if padded else whole)
    assert not estimates[..., whole:].any()


def test_a_mixture_shorter_than_the_kernel_is_refused():
    model = published_form(registry.build(TINY), TINY, "demucs")
    with pytest.raises(FqssError, match="19 samples is shorter than the encoder's kernel of 20"):
        model(np.zeros((1, 2, 19), np.float32))


def test_each_channel_is_heard_and_made():
    model = registry.build(TINY)
    mixture = music(400, batch=1)
    estimates = model(mixture).numpy()
    assert np.abs(estimates[..., 0] - estimates[..., 1]).max() > 0.01
    for channel in range(2):
        other = mixture.copy()
        other[..., channel] = 0
        assert np.abs(model(other).numpy() - estimates).max() > 0.01


def test_a_model_is_restored_from_its_description(relative_error):
    model = registry.build(TINY, input_planes=2, output_planes=2)
    copy = keras.Model.from_config(model.get_config())
    copy.set_weights(model.get_weights())
    assert relative_error(copy(music(160)).numpy(), model(music(160)).numpy()) == 0


@pytest.mark.parametrize("planes, residual", [(1, "exact"), (2, "exact"), (2, "samples")])
def test_the_exported_form_computes_the_same(planes, residual, original, relative_error):
    if residual == "samples":
        # The residual encoder needs as many filters as there are numbers under a kernel.
        config = MusicConvTasNetConfig(
            filters=48, bottleneck=8, hidden=12, blocks=2, repeats=2
        )
        model = registry.build(config)
    else:
        reference = original("fqss_convtasnetmusicq_a")
        config, model = reference.config, reference.model()
    exported = add_planes(
        model, config, input_planes=planes, output_planes=planes, residual=residual
    )
    # Samples of 16 bits, of which both planes are exact, at a level that no plane cuts off.
    mixture = np.round(music(800) * 2**12) / 2**15
    expected, given = model(mixture).numpy(), exported(mixture).numpy()
    assert np.abs(expected).max() < 0.9
    edge = config.kernel if residual == "samples" else 0
    inside = slice(edge, 800 - edge)
    assert np.abs(given - expected)[:, :, inside].max() <= 2e-5 * np.abs(expected).max()


def test_equalizing_leaves_the_function_as_it_is(original, relative_error):
    reference = original("fqss_convtasnetmusicq_a")
    exported = add_planes(
        reference.model(), reference.config, input_planes=2, output_planes=2
    )
    mixture = np.round(music(800) * 2**12) / 2**15
    before = exported(mixture).numpy()
    weights = exported.get_layer("encoder_0").get_weights()[0]
    equalize(exported, reference.config, [mixture[:, 0, :, 0]])
    assert np.abs(exported.get_layer("encoder_0").get_weights()[0] - weights).max() > 0
    assert relative_error(exported(mixture).numpy(), before) <= 2e-5


@pytest.fixture
def recording(original_planes):
    return original_planes("fqss_convtasnetmusicq_split2_a")


def from_recorded_planes(recording, names):
    """Outputs of layers, computed from the recorded planes: flooring turns last bits into steps."""
    config = recording.config
    model = registry.build(config, input_planes=2, output_planes=2, residual="frames")
    (decoder,) = recording.weights["decoder_0"]
    taps, block = config.taps, config.block
    # FQSS sees the decoder's frames with their channels one after the other.
    basis = decoder[0, ::-1].reshape(taps, config.filters, config.hop, config.audio_channels)
    frames = basis.transpose(1, 3, 0, 2).reshape(config.filters, taps * block)
    encoder = recording.residual["residual_encoder.weight"]
    assign(model, recording.weights | {
        "encoder_1": [
            samples_kernel_to_blocks(recording.encoder[:, config.audio_channels :], config.hop),
            np.zeros(config.filters),
        ],
        "frames_1": [frames[None, None]],
        "residual_encoder_1": [encoder.T[None, None]],
        "decoder_0": [decoder, np.zeros(block)],
        # Our combiner adds (stage_1 + 1) / 256, the original's stage_1 / 256.
        "decoder_1": [decoder, np.full(block, -1.0)],
    })
    inner = keras.Model(
        model.get_layer("splitter").output, [model.get_layer(name).output for name in names]
    )
    planes = np.moveaxis(recording.arrays["act/splitter"], 1, -1)[:, None]
    return inner.predict(planes, verbose=0)


def test_two_planes_each_way_equal_the_original(recording, relative_error):
    encoded, estimates, first = from_recorded_planes(recording, ["encoded", "combiner", "stage_0"])
    expected = recording.arrays["act/encoder"]
    assert relative_error(np.moveaxis(encoded[:, 0], -1, 1), expected) <= TOLERANCE_OF_PLANES
    expected = recording.arrays["output64"]
    assert relative_error(np.moveaxis(estimates, -1, 2), expected) <= TOLERANCE_OF_PLANES
    without = np.moveaxis(first, -1, 2)
    assert relative_error(without, expected) > 10 * TOLERANCE_OF_PLANES


def test_two_planes_need_filters_for_both_channels():
    config = MusicConvTasNetConfig(filters=32)
    with pytest.raises(FqssError, match="filters 32 is below 2 times model.kernel 20"):
        config.check_output_planes(2, "samples")
