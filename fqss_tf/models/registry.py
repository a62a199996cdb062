"""The networks by their sizes; ``sizes.NETWORKS`` has the sizes by a recipe's name for them."""

from collections.abc import Callable

from fqss_tf.models import convtasnet, dprnn, dptnet, sepformer, sizes
from fqss_tf.types import KerasModel

BUILDERS: dict[type[sizes.EncoderSizes], Callable[..., KerasModel]] = {
    sizes.ConvTasNetConfig: convtasnet.build,
    sizes.SepFormerConfig: sepformer.build,
    sizes.DPTNetConfig: dptnet.build,
    sizes.AsteroidDPTNetConfig: dptnet.build_asteroid,
    sizes.DPRNNConfig: dprnn.build,
}


def build(
    config: sizes.EncoderSizes, *, input_planes: int = 1, output_planes: int = 1,
    for_export: bool = False,
) -> KerasModel:
    """The Keras model of a network: mixture ``[B, 1, T, 1]`` -> estimates ``[B, S, T, 1]``.

    Args:
        config: sizes, whose type tells the network.
        input_planes: as of ``fqss_tf.models.convtasnet.build``.
        output_planes: likewise.
        for_export: likewise.
    """
    return BUILDERS[type(config)](
        config, input_planes=input_planes, output_planes=output_planes, for_export=for_export
    )
