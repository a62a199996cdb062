"""The start of a ConvTasNet: an encoder and decoder that reconstruct before they are trained."""

from fqss_tf.models.convtasnet.sizes import ConvTasNetConfig
from fqss_tf.models.filterbank import MASK_SHARE, begin_with_cosines
from fqss_tf.types import KerasModel


def begin_with_shares(model: KerasModel, config: ConvTasNetConfig) -> None:
    """Sets encoder and decoder to ``cosine_filters``, and masks to about equal shares, in place.

    Estimates then begin as the mixture over the number of sources. Random filters would first have
    to learn to pass sound at all.

    Args:
        model: float, with random weights.
        config: its sizes.
    """
    begin_with_cosines(model, config)
    share = 1 / config.sources
    if config.sum_to_mixture:
        share = config.first_share - share
    for latent in range(config.latents):
        mask = model.get_layer(f"mask_{latent}")
        kernel, bias = mask.get_weights()
        mask.set_weights([MASK_SHARE * kernel, bias + share])
