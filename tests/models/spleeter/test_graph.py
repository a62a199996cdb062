"""Spleeter's U-Nets give what Spleeter's own graph gives, as published and as exported."""

import numpy as np
import pytest
from spleeter_checkpoint import own_graph, tensors

from fqss_tf.formats import LOGIT_RANGE, MAGNITUDE_RANGE
from fqss_tf.layers.spectral import MaskedMagnitudes
from fqss_tf.models.published import PublishedTensors
from fqss_tf.models.registry import build, network_of
from fqss_tf.models.spleeter.published import from_published
from fqss_tf.models.spleeter.sizes import SpleeterConfig
from fqss_tf.models.waveform_weights import assign
from fqss_tf.quantization.equalization import equalize
from fqss_tf.quantization.folding import add_planes

FORMS = {
    "two stems": {"sources": 2},
    "four stems": {"sources": 4, "activation": "elu"},
    "five stems": {"sources": 5, "activation": "elu", "masks": "softmax"},
}

BORDER = 7  # pixels of the logits: 2 * 1 + 1 + 2 + 2


def small(**sizes):
    return SpleeterConfig(**{"filters": 2, "kernel": 256, "hop": 64, "bins": 64} | sizes)


@pytest.fixture(scope="module")
def heard():
    """Magnitudes of which both planes are exact."""
    steps = np.random.default_rng(1).exponential(1500, (1, 64, 64, 2)).round()
    return (np.minimum(steps, 30000) * MAGNITUDE_RANGE / 2**15).astype(np.float32)


@pytest.fixture(scope="module")
def published():
    """Function (sizes) -> (config, variables of the checkpoint, the network with them)."""

    def made(**sizes):
        config = small(**sizes)
        values = tensors(config.sources)
        model = build(config)
        assign(model, from_published(PublishedTensors(values), config))
        return config, values, model

    return made


def of_stems(logits, magnitudes, masks):
    """Spleeter's [stems, B, T, F, 2] from the logits of a network here."""
    found = MaskedMagnitudes(masks)((logits, magnitudes)).numpy()
    return np.moveaxis(found, 1, 0)


@pytest.mark.parametrize("form", FORMS)
def test_it_gives_what_spleeters_graph_gives(form, published, heard):
    config, values, model = published(**FORMS[form])
    expected = own_graph(
        values, heard, config.sources, config.activation == "elu", config.masks == "softmax"
    )
    given = network_of(config).published(model, config)(heard).numpy()
    assert np.ptp(expected / np.maximum(heard, 1)) > 0.2  # masks, not a constant
    assert np.abs(np.moveaxis(given, 1, 0) - expected).max() <= 1e-5 * np.abs(expected).max()


@pytest.mark.parametrize("form", ["two stems", "four stems"])
@pytest.mark.parametrize("planes", [1, 2])
def test_the_exported_form_gives_the_same(form, planes, published, heard):
    config, values, model = published(**FORMS[form])
    exported = add_planes(model, config, input_planes=planes, output_planes=planes)
    expected = model(heard / MAGNITUDE_RANGE).numpy()
    given = exported(heard / MAGNITUDE_RANGE).numpy()
    difference = np.abs(given - expected) / max(1, np.abs(expected).max())
    if planes == 2 and form == "two stems":
        # Shifts are moved: convolutions of 3, 3, 5 and 5 see the border, the first at half the
        # size. Far from it the network is the same.
        difference = difference[:, BORDER:-BORDER, BORDER:-BORDER]
    # What is left of 256 times a difference of float32.
    assert difference.max() <= (3e-6 if planes == 1 else 2e-5)


@pytest.mark.parametrize("form", ["two stems", "four stems"])
@pytest.mark.parametrize("planes", [1, 2])
def test_equalizing_leaves_the_function_as_it_is(form, planes, published):
    config, _, model = published(**FORMS[form])
    exported = add_planes(model, config, input_planes=planes, output_planes=planes)
    mixtures = np.random.default_rng(2).uniform(-1, 1, (1, config.segment_step)).astype(np.float32)
    heard = network_of(config).inputs(mixtures, config)
    before = exported(heard).numpy()
    equalize(exported, config, [mixtures])
    assert np.abs(exported(heard).numpy() - before).max() <= 2e-5 * max(1, np.abs(before).max())


def test_equalized_joins_have_the_range_of_samples(published):
    import tf_keras as keras

    config, _, model = published()
    exported = add_planes(model, config, input_planes=2, output_planes=2)
    mixtures = np.random.default_rng(2).uniform(-1, 1, (1, config.segment_step)).astype(np.float32)
    equalize(exported, config, [mixtures])
    names = [f"stem_{stem}_join_{level}" for stem in range(2) for level in range(2, 7)]
    joins = keras.Model(exported.input, [exported.get_layer(name).output for name in names])
    for name, joined in zip(names, joins(network_of(config).inputs(mixtures, config)), strict=True):
        assert np.abs(joined).max() == pytest.approx(1, rel=1e-3), name


def test_the_last_range_ends_where_logits_are_cut_off_or_before(published):
    import tf_keras as keras

    config, _, model = published()
    exported = add_planes(model, config, input_planes=1, output_planes=1)
    mixtures = np.random.default_rng(2).uniform(-1, 1, (1, config.segment_step)).astype(np.float32)
    equalize(exported, config, [mixtures])
    read = keras.Model(
        exported.input, [exported.get_layer(f"stem_{stem}_up_offset_1").output for stem in (0, 1)]
    )
    for stem, last in enumerate(read(network_of(config).inputs(mixtures, config))):
        kernel, bias = exported.get_layer(f"stem_{stem}_logits_0").get_weights()
        cut_off = ((1 + np.abs(bias)) / np.abs(kernel.sum(axis=(0, 1, 2)))).max()
        assert min(cut_off, np.abs(last).max()) == pytest.approx(1, rel=1e-3)


def test_any_number_of_frames_gives_as_many(published):
    config, _, model = published()
    heard = np.ones((2, 128, config.bins, 2), np.float32)
    assert model(heard).shape == (2, 64, config.bins // 2, 8 * config.sources)


def test_the_published_size_is_that_of_the_paper():
    assert build(SpleeterConfig()).count_params() == 19_649_422


def test_the_input_is_stereo_of_the_range_of_loud_music():
    config = small(kernel=4096, hop=1024, bins=1024)
    tone = np.sin(2 * np.pi * 100 / 4096 * np.arange(config.segment_step))
    heard = network_of(config).inputs(tone[None].astype(np.float32), config)
    assert heard.shape == (1, 64, 1024, 2)
    np.testing.assert_array_equal(heard[..., 0], heard[..., 1])
    # Full scale is 1, at the bin of the tone.
    assert heard[0, 30].max() == pytest.approx(1, rel=1e-4)
    assert heard[0, 30, :, 0].argmax() == 100


def test_logits_come_at_their_range(published, heard):
    config, values, model = published()
    logits = model(heard / MAGNITUDE_RANGE).numpy()
    masks = 1 / (1 + np.exp(-LOGIT_RANGE * logits[0, 0, 0, :2].astype(np.float64)))
    np.testing.assert_allclose(masks * heard[0, 0, 0], own_graph(values, heard)[0, 0, 0, 0], 1e-4)


def test_dropout_and_norms_are_as_trained(published):
    _, _, model = published()
    kinds = [type(layer).__name__ for layer in model.layers]
    assert kinds.count("Dropout") == 6 and kinds.count("BatchNormalization") == 22
