"""The start of a ConvTasNet: an encoder and decoder that reconstruct before they are trained."""

from fqss_tf.models.convtasnet.sizes import ConvTasNetConfig
from fqss_tf.models.filterbank import cosine_filters
from fqss_tf.models.waveform_weights import (
    samples_kernel_to_blocks,
    transposed_kernel_to_blocks,
)
from fqss_tf.types import KerasModel

# Random masks are made so much smaller, so that a network begins near equal shares.
MASK_SHARE = 0.3


def begin_with_cosines(model: KerasModel, config: ConvTasNetConfig) -> None:
    """Sets encoder and decoder to ``cosine_filters``, and masks to about equal shares, in place.

    Estimates then begin as the mixture over the number of sources. Random filters would first have
    to learn to pass sound at all.

    Args:
        model: float, with random weights.
        config: its sizes.
    """
    filters = cosine_filters(config.filters, config.kernel, config.hop)[:, None]
    model.get_layer("encoder_0").set_weights([samples_kernel_to_blocks(filters, config.hop)])
    model.get_layer("decoder_0").set_weights([transposed_kernel_to_blocks(filters, config.hop)])
    share = 0 if config.sum_to_mixture else 1 / config.sources
    for latent in range(config.latents):
        mask = model.get_layer(f"mask_{latent}")
        kernel, bias = mask.get_weights()
        mask.set_weights([MASK_SHARE * kernel, bias + share])
