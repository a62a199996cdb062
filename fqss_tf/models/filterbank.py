"""Filters that reconstruct what they encode."""

import numpy as np

from fqss_tf.models.sizes import EncoderSizes
from fqss_tf.models.waveform_weights import (
    samples_kernel_to_blocks,
    transposed_kernel_to_blocks,
)
from fqss_tf.types import FloatArray, KerasModel

# Random masks are made so much smaller, so that a network begins near equal shares.
MASK_SHARE = 0.3


def begin_with_cosines(model: KerasModel, config: EncoderSizes) -> None:
    """Sets encoder and decoder of a float model to ``cosine_filters``, in place."""
    filters = cosine_filters(config.filters, config.kernel, config.hop)[:, None]
    model.get_layer("encoder_0").set_weights([samples_kernel_to_blocks(filters, config.hop)])
    model.get_layer("decoder_0").set_weights([transposed_kernel_to_blocks(filters, config.hop)])


def cosine_filters(filters: int, kernel: int, hop: int) -> FloatArray:
    """Cosines and sines under a window that is half a sine, at equally spaced frequencies.

    Of at least ``2 kernel`` filters each one is there with both signs, so that rectified features
    keep everything. With at least ``kernel`` filters, in groups of 2 or 4, and a hop of half a
    kernel or less, they are a tight frame: their transpose decodes what they encode.

    Args:
        filters: how many.
        kernel: samples of each.
        hop: samples from one frame to the next.

    Returns:
        float32 [filters, kernel]. Those that do not fill a group are 0.
    """
    has_both_signs = filters >= 2 * kernel
    bins = filters // (4 if has_both_signs else 2)
    window = np.sin(np.pi * (np.arange(kernel) + 0.5) / kernel)
    times = np.arange(kernel) - (kernel - 1) / 2
    angles = np.pi / max(bins, 1) * (np.arange(bins) + 0.5)[:, None] * times
    waves = np.concatenate([np.cos(angles), np.sin(angles)])
    if has_both_signs:
        waves = np.concatenate([waves, -waves]) / np.sqrt(2)
    # The squared windows of all frames add up to kernel / (2 hop).
    found = np.zeros((filters, kernel), np.float32)
    found[: len(waves)] = np.sqrt(2 * hop / kernel / max(bins, 1)) * window * waves
    return found
