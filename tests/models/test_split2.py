"""The network with two input planes and two output planes, before any quantization."""

import numpy as np
import pytest
import tf_keras as keras

from fqss_tf.models import registry
from fqss_tf.models.waveform_weights import (
    assign,
    samples_kernel_to_blocks,
)

# What the recording's own float32 noise allows (1.2e-5 of the peak at the output).
TOLERANCE = 5e-5
LAYERS = ("encoder_sum_1", "masks", "stage_0", "stage_1", "combiner")


@pytest.fixture
def recording(original_planes):
    return original_planes("fqss_convtasnetq_split2_a")


@pytest.fixture
def outputs(recording):
    """Layer name -> output, computed from the recorded planes.

    The original divides by the batch's peak before it splits, and flooring turns the last bit of
    that division into whole steps: the network is compared from the same planes on.
    """
    config = recording.config
    model = registry.build(config, input_planes=2, output_planes=2, residual="samples")
    assign(model, _weights(recording))
    from_planes = keras.Model(
        model.get_layer("splitter").output,
        [model.get_layer(name).output for name in LAYERS],
    )
    planes = np.moveaxis(recording.arrays["act/splitter"], 1, -1)[:, None]
    results = from_planes.predict(planes, verbose=0)
    return dict(zip(LAYERS, results, strict=True))


def _weights(recording):
    hop = recording.config.hop
    (decoder,) = recording.weights["decoder_0"]
    residual_encoder = recording.residual["residual_encoder.weight"]
    return recording.weights | {
        "encoder_1": [
            samples_kernel_to_blocks(recording.encoder[:, 1:], hop),
            np.zeros(recording.config.filters),
        ],
        "decoder_0": [decoder, np.zeros(hop)],
        # Our combiner adds (stage_1 + 1) / 256, the original's stage_1 / 256.
        "decoder_1": [decoder, np.full(hop, -1.0)],
        "residual_encoder_1": [samples_kernel_to_blocks(residual_encoder, hop)],
    }


def test_encoder_equals_the_original(recording, outputs, relative_error):
    encoded = np.moveaxis(outputs["encoder_sum_1"][:, 0], -1, 1)
    assert relative_error(encoded, recording.arrays["act/encoder"]) <= TOLERANCE


def test_masks_equal_the_original(recording, outputs, relative_error):
    masks = np.moveaxis(outputs["masks"], -1, 2)
    assert relative_error(masks, recording.arrays["act/masks"]) <= TOLERANCE


@pytest.mark.parametrize("plane, offset", [(0, 0), (1, 1)])
def test_planes_equal_the_original(plane, offset, recording, outputs, relative_error):
    ours = outputs[f"stage_{plane}"].reshape(4, 1, -1) + offset
    assert relative_error(ours, recording.arrays["act/decoder_stack"][plane]) <= TOLERANCE


def test_estimates_equal_the_original(recording, outputs, relative_error):
    estimates = outputs["combiner"][..., 0]
    assert relative_error(estimates, recording.arrays["output"]) <= TOLERANCE
    assert relative_error(estimates, recording.arrays["output64"]) <= TOLERANCE


def test_second_stage_matters_more_than_the_tolerance(recording, outputs, relative_error):
    without = outputs["stage_0"][..., 0]
    assert relative_error(without, recording.arrays["output"]) > 10 * TOLERANCE


@pytest.mark.parametrize("planes", [2, 3])
def test_planes_have_one_layer_each(planes, recording):
    model = registry.build(
        recording.config, input_planes=planes, output_planes=planes, residual="samples"
    )
    names = ["splitter", *(f"stage_{plane}" for plane in range(planes)), "combiner"]
    inner = keras.Model(model.input, [model.get_layer(name).output for name in names])
    splitter, *waveforms = inner(np.zeros((1, 1, 80, 1), np.float32))
    assert splitter.shape == (1, 1, 80, planes)
    assert [waveform.shape for waveform in waveforms] == [(1, 2, 80, 1)] * (planes + 1)
