"""The networks, by a recipe's name for them and by their sizes.

No TensorFlow until one is built, so that recipes can be checked at once.
"""

from collections.abc import Callable
from typing import Any

from fqss_tf.models.convtasnet import ConvTasNet
from fqss_tf.models.dprnn import DPRNN
from fqss_tf.models.dptnet import DPTNet
from fqss_tf.models.dptnet_asteroid import AsteroidDPTNet
from fqss_tf.models.htdemucs import HTDemucs
from fqss_tf.models.music_convtasnet import MusicConvTasNet
from fqss_tf.models.network import Network
from fqss_tf.models.sepformer import SepFormer
from fqss_tf.models.sizes import EncoderSizes, Masking, Residual
from fqss_tf.models.spleeter import Spleeter
from fqss_tf.types import KerasModel

NETWORKS: dict[str, Network[Any]] = {
    "convtasnet": ConvTasNet(),
    "sepformer": SepFormer(),
    "dptnet": DPTNet(),
    "dptnet-asteroid": AsteroidDPTNet(),
    "dprnn": DPRNN(),
    "spleeter": Spleeter(),
    "music-convtasnet": MusicConvTasNet(),
    "htdemucs": HTDemucs(),
}
# Of a recipe that names none.
DEFAULT = "convtasnet"


def network_of(config: EncoderSizes) -> Network[Any]:
    """Returns the network that has sizes of this type."""
    return next(
        network for network in NETWORKS.values() if type(network.sizes) is type(config)
    )


def names_of(chosen: Callable[[Network[Any]], bool]) -> str:
    """Returns the names of the networks that a condition holds for, as an error lists them."""
    return ", ".join(name for name, network in NETWORKS.items() if chosen(network))


def build(
    config: EncoderSizes, *, input_planes: int = 1, output_planes: int = 1,
    residual: Residual = "exact", masking: Masking = "direct", latent_planes: int = 1,
    for_export: bool = False,
) -> KerasModel:
    """Builds the Keras model of a network: mixture ``[B, 1, T, C]`` -> estimates ``[B, S, T, C]``.

    C is ``config.audio_channels``, 2 of music. The mixture is at the model's level (peak 1). T is a
    multiple of ``config.hop``. The tensors that cross the border of a ``.tflite`` are the output of
    the layer ``splitter`` and the outputs of the layers ``stage_0``, ``stage_1``...

    Args:
        config: sizes, whose type tells the network.
        input_planes: planes of the input splitter, 1 for none (method, section III).
        output_planes: outputs of the residual-error block and combiner, 1 for none.
        residual: how the second output plane finds what the first one left out, as
            ``fqss_tf.models.waveform.decoder`` has it; causal networks have ``exact`` alone.
        masking: what the decoders read, as ``fqss_tf.models.masking`` has it; ``centered`` for
            ConvTasNet with two planes each way alone.
        latent_planes: 8-bit tensors of the latent, 1 or 2 (``fqss_tf.models.fine_latent``); 2 for
            ConvTasNet with two output planes alone.
        for_export: the form that is quantized and exported: PReLU slopes are constants, and what
            convolutions can take over of the norms is left out.
    """
    form: dict[str, Any] = {} if masking == "direct" else {"masking": masking}
    if latent_planes > 1:
        form["latent_planes"] = latent_planes
    return network_of(config).build(
        config, input_planes=input_planes, output_planes=output_planes, residual=residual,
        for_export=for_export, **form,
    )
