"""Attention with its projections."""

import tf_keras as keras

from fqss_tf.layers.attention import DotProductAttention
from fqss_tf.models.sizes import Heads
from fqss_tf.models.waveform import convolution
from fqss_tf.types import Tensor


def attention(
    inputs: Tensor, config: Heads, name: str, for_export: bool, heard: Tensor | None = None
) -> Tensor:
    """Attention with its projections, ``[B, H, T, width]`` to the same.

    For export, the query's projection scales the scores.

    Args:
        inputs: what asks.
        config: sizes.
        name: what the names of its layers begin with.
        for_export: as of ``fqss_tf.models.registry.build``.
        heard: ``[B, H, L, width]`` that it attends to; itself if None.
    """
    read = inputs if heard is None else heard
    query, key, value = (
        convolution(config.width, f"{name}_{role}")(tensor)
        for role, tensor in (("query", inputs), ("key", read), ("value", read))
    )
    context = DotProductAttention(config.heads, scaled=not for_export, name=f"{name}_attention")(
        [query, key, value]
    )
    # The zeros around the chunks must not stay zero: a norm behind would multiply their gradient by
    # 1 / sqrt(epsilon).
    start = keras.initializers.RandomUniform(-(config.width**-0.5), config.width**-0.5)
    return convolution(config.width, f"{name}_context", bias_initializer=start)(context)
