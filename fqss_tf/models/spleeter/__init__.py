"""Spleeter (Hennequin et al. 2020): U-Nets over the magnitudes of a stereo spectrogram."""

from typing import Any

import numpy as np

from fqss_tf.audio.ratio_masks import heard
from fqss_tf.formats import CHANNELS, SpectrogramForm
from fqss_tf.models.network import ChannelRanges, SpectrogramNetwork
from fqss_tf.models.spleeter.sizes import SpleeterConfig
from fqss_tf.types import FloatArray, KerasModel, LayerWeights, Tensor


class Spleeter(SpectrogramNetwork[SpleeterConfig]):
    """Spleeter's U-Nets, one for each stem."""

    sizes = SpleeterConfig()

    def build(self, config: SpleeterConfig, **form: Any) -> KerasModel:
        """Builds the Keras model."""
        from fqss_tf.models.spleeter.graph import build

        return build(config, **form)

    def spectrogram(self, config: SpleeterConfig, samples: int) -> SpectrogramForm:
        """Returns what it hears of a segment, and what its logits are of."""
        return SpectrogramForm(config.kernel, config.bins, samples // config.hop, config.masks)

    def inputs(
        self, mixtures: FloatArray | Tensor, config: SpleeterConfig
    ) -> FloatArray | Tensor:
        """Returns magnitudes float32 [B, frames, bins, 2] of mixtures [B, T], alike in both ears.

        Empty frames fill up the last ones.
        """
        step = config.segment_step
        form = self.spectrogram(config, -(-int(mixtures.shape[1]) // step) * step)
        return np.stack([
            heard(np.stack([np.asarray(mixture)] * CHANNELS, axis=1), form) for mixture in mixtures
        ])

    def graph_shape(
        self, config: SpleeterConfig, samples: int, planes: int
    ) -> tuple[int, ...]:
        """Returns [1, frames, bins, 2 * planes]."""
        return 1, samples // config.hop, config.bins, CHANNELS * planes

    def plane_weights(
        self, weights: LayerWeights, config: SpleeterConfig, input_planes: int, output_planes: int
    ) -> LayerWeights:
        """Returns weights for planes of magnitudes and of logits."""
        from fqss_tf.models.spleeter.folding import with_planes

        return with_planes(weights, config, input_planes, output_planes)

    def published(self, model: KerasModel, config: SpleeterConfig) -> KerasModel:
        """Returns magnitudes [B, T, bins, 2] -> those of each stem, [B, S, T, bins, 2]."""
        from fqss_tf.models.spleeter.graph import published_form

        return published_form(model, config)

    def fold(
        self, weights: LayerWeights, model: KerasModel, config: SpleeterConfig
    ) -> LayerWeights:
        """Returns weights in which norms have gone into convolutions."""
        from fqss_tf.models.spleeter.folding import folded

        return folded(weights, config)

    def equalize(
        self, network: KerasModel, config: SpleeterConfig, ranges: ChannelRanges
    ) -> None:
        """Gives the channels that are joined the range of samples."""
        from fqss_tf.models.spleeter.equalization import equalize

        equalize(network, config, ranges)
