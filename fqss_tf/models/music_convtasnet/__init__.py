"""ConvTasNet for music (Défossez et al. 2019), as demucs v2 publishes it and FQSS quantizes it."""

from typing import Any

from fqss_tf.models.music_convtasnet.sizes import MusicConvTasNetConfig
from fqss_tf.models.network import Network
from fqss_tf.types import KerasModel


class MusicConvTasNet(Network[MusicConvTasNetConfig]):
    """A ConvTasNet of stereo waveforms, without skip connections and biases."""

    sizes = MusicConvTasNetConfig()
    of_music = True

    def build(self, config: MusicConvTasNetConfig, **form: Any) -> KerasModel:
        """Builds the Keras model."""
        from fqss_tf.models.music_convtasnet.graph import build

        return build(config, **form)
