"""HTDemucs (Rouard, Massa and Défossez 2023): two U-Nets and a transformer between them."""

from collections.abc import Callable
from typing import Any

import numpy as np

from fqss_tf.audio.hybrid import normalized, spectrogram
from fqss_tf.errors import FqssError
from fqss_tf.formats import CHANNELS
from fqss_tf.models.htdemucs.sizes import HTDemucsConfig
from fqss_tf.models.network import ChannelRanges, Network
from fqss_tf.types import (
    FloatArray,
    Json,
    KerasModel,
    LayerWeights,
    NetworkInputs,
    Separate,
    Tensor,
)

# Of an input: 0 is 0 in both only.
MOST_PLANES = 2


class HTDemucs(Network[HTDemucsConfig]):
    """Hybrid Transformer Demucs."""

    sizes = HTDemucsConfig()
    of_music = True
    is_unet = True
    untried = ("float16", "dynamic", "int16x8")

    def build(self, config: HTDemucsConfig, *, input_planes: int = 1, **form: Any) -> KerasModel:
        """Builds the Keras model.

        Raises:
            FqssError: there are more than two input planes.
        """
        from fqss_tf.models.htdemucs.graph import build

        if input_planes > MOST_PLANES:
            raise FqssError(
                f"quantization.input_planes is {input_planes}: HTDemucs takes {MOST_PLANES} at most"
            )
        return build(config, input_planes=input_planes, **form)

    def inputs(self, mixtures: FloatArray | Tensor, config: HTDemucsConfig) -> NetworkInputs:
        """Returns normalized waveforms [B, 1, T, 2] and spectrograms of mixtures [B, T].

        Both channels are alike.
        """
        waveforms, spectrograms = [], []
        for mixture in np.asarray(mixtures):
            samples = np.stack([mixture] * CHANNELS, axis=1)
            waveforms.append(normalized(samples)[0])
            spectrograms.append(normalized(spectrogram(samples, config.kernel))[0])
        return [
            np.stack(waveforms)[:, None].astype(np.float32),
            np.stack(spectrograms).astype(np.float32),
        ]

    def beside(
        self, config: HTDemucsConfig, samples: int, planes: int = 1
    ) -> tuple[int, ...]:
        """Returns ``[1, bins, frames, 4 * planes]``."""
        return 1, config.bins, -(-samples // config.hop), 2 * CHANNELS * planes

    def description(self, model: KerasModel) -> Json:
        """Returns ``bounds``: what the full scale of each input and output stands for."""
        names = {
            "mixture": "mixture_over_bound", "spectrogram": "spectrogram_over_bound",
            "stage": "stage_times_bound", "spectra": "spectra_times_bound",
        }
        return {"bounds": {
            key: float(model.get_layer(name).get_weights()[0]) for key, name in names.items()
        }}

    def separation(self, model: KerasModel, config: HTDemucsConfig, samples: int) -> Separate:
        """Returns what separates both channels, or one, which is heard in both."""
        from fqss_tf.models.inference import hybrid_function

        whole = hybrid_function(model, config.kernel)

        def separate(mixture: FloatArray) -> FloatArray:
            if mixture.ndim == 2:
                return whole(mixture).astype(np.float32)
            return whole(np.stack([mixture] * CHANNELS, axis=1)).mean(axis=2).astype(np.float32)

        return separate

    def estimates(
        self, model: Callable[..., tuple[Tensor, Tensor]], mixtures: Tensor,
        config: HTDemucsConfig, training: bool = False,
    ) -> Tensor:
        """Returns estimates by both branches."""
        from fqss_tf.models.hybrid import hybrid_estimates

        return hybrid_estimates(
            mixtures, lambda heard: model(heard, training=training), config.kernel
        )

    def fold(
        self, weights: LayerWeights, model: KerasModel, config: HTDemucsConfig
    ) -> LayerWeights:
        """Returns weights for convolutions of phases, with gains in them."""
        from fqss_tf.models.htdemucs.folding import folded

        return folded(weights, config)

    def plane_weights(
        self, weights: LayerWeights, config: HTDemucsConfig, input_planes: int, output_planes: int
    ) -> LayerWeights:
        """Returns weights for planes of both inputs and both outputs."""
        from fqss_tf.models.htdemucs.folding import with_planes

        return with_planes(weights, config, input_planes, output_planes)

    def equalize(
        self, network: KerasModel, config: HTDemucsConfig, ranges: ChannelRanges
    ) -> None:
        """Brings inputs and outputs to the range of samples."""
        from fqss_tf.models.htdemucs.equalization import set_bounds

        set_bounds(network, ranges)

    def latents(self, config: HTDemucsConfig) -> tuple[str, ...]:
        """Returns what the last decoder of each branch reads."""
        from fqss_tf.models.htdemucs.equalization import latent_names

        return latent_names(config)

    def scale_latent(
        self, network: KerasModel, config: HTDemucsConfig, factor: float, latent: str = "masked"
    ) -> None:
        """Scales what makes a latent, and what reads it against that."""
        from fqss_tf.models.htdemucs.equalization import scale_latent

        scale_latent(network, config, factor, latent)
