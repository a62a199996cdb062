"""What the published networks take and give, where that differs from ``[B, 1, T, 1]``."""

import dataclasses

import tensorflow as tf
import tf_keras as keras

from fqss_tf.layers.waveform import FromWaveform, ToWaveforms
from fqss_tf.models.network import SpectrogramNetwork
from fqss_tf.models.registry import network_of
from fqss_tf.models.sizes import EncoderSizes
from fqss_tf.types import KerasModel


@dataclasses.dataclass(frozen=True)
class PublishedShapes:
    """What a publisher's network takes and gives.

    ``channel_axis``: mixtures are ``[B, C, T]``, else ``[B, T]``. ``padded``: estimates are as long
    as the mixture, else as the frames in it. ``sources_last``: ``[B, T, S]``, else ``[B, S, T]``,
    or ``[B, S, C, T]`` of more than one channel.
    """

    channel_axis: bool = False
    padded: bool = False
    sources_last: bool = False


PUBLISHED_SHAPES = {
    "asteroid": PublishedShapes(padded=True),
    "speechbrain": PublishedShapes(padded=True, sources_last=True),
    "fqss": PublishedShapes(channel_axis=True),
    "demucs": PublishedShapes(channel_axis=True, padded=True),
    "ujscjj": PublishedShapes(),
}


@tf.autograph.experimental.do_not_convert
def published_form(model: KerasModel, config: EncoderSizes, publisher: str) -> KerasModel:
    """A network ``[B, 1, T, C]`` -> ``[B, S, T, C]`` in the shapes that its publisher gave it.

    Args:
        model: Keras model.
        config: its sizes.
        publisher: a key of ``PUBLISHED_SHAPES``, where the network is not over spectrograms.

    Returns:
        Keras model of float mixtures of any T from one kernel on.
    """
    network = network_of(config)
    if isinstance(network, SpectrogramNetwork):
        return network.published(model, config)
    if network.beside(config, config.kernel) is not None:
        return model  # of both inputs, as its publisher has it inside
    interface = PUBLISHED_SHAPES[publisher]
    channels = config.audio_channels
    mixture = keras.Input((channels, None) if interface.channel_axis else (None,), name="mixture")
    waveform = FromWaveform(config.hop, config.kernel, channels, name="from_waveform")(mixture)
    estimates = model(waveform)
    outputs = ToWaveforms(
        interface.padded, interface.sources_last, name="to_waveforms"
    )([estimates, mixture])
    return keras.Model(mixture, outputs, name=f"{publisher}_{model.name}")
