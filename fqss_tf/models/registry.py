"""The networks by their sizes; ``sizes.NETWORKS`` has the sizes by a recipe's name for them."""

from fqss_tf.models import convtasnet, dprnn, dptnet, sepformer, sizes

BUILDERS = {
    sizes.ConvTasNetConfig: convtasnet.build,
    sizes.SepFormerConfig: sepformer.build,
    sizes.DPTNetConfig: dptnet.build,
    sizes.AsteroidDPTNetConfig: dptnet.build_asteroid,
    sizes.DPRNNConfig: dprnn.build,
}


def build(config, **options):
    """The Keras model of a network: mixture ``[B, 1, T, 1]`` -> estimates ``[B, S, T, 1]``.

    Args:
        config: sizes, whose type tells the network.
        options: ``input_planes``, ``output_planes`` and ``for_export``, as of
            ``fqss_tf.models.convtasnet.build``.
    """
    return BUILDERS[type(config)](config, **options)
