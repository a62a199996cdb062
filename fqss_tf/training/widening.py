"""The weights of a network for a wider one that begins with the same function.

What a trained network can do is not learned anew when it becomes larger (Chen, Goodfellow and
Shlens 2016, Net2Net).
"""

from fqss_tf.types import Arrays

DEPTHWISE = "depthwise_kernel"  # whose channels are its inputs


def widened(narrow: Arrays, wide: Arrays) -> Arrays:
    """Returns weights of the wider network that compute what the narrower one does.

    New channels keep the weights that they have in ``wide``, but those of the narrower network read
    none of them. This holds for convolutions whose channels do not depend on each other otherwise,
    as in a norm over all channels.

    Args:
        narrow: weights by name, none larger than in ``wide``.
        wide: weights of the same names, as training would begin with them.
    """
    found = {}
    for name, known in narrow.items():
        grown = wide[name].copy()
        if grown.ndim == 4 and not name.endswith(DEPTHWISE):
            inputs, outputs = known.shape[2:]
            grown[:, :, inputs:, :outputs] = 0
        grown[tuple(slice(size) for size in known.shape)] = known
        found[name] = grown
    return found
