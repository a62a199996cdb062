"""What the dual-path networks share: from the mixture to chunks, and from chunks to estimates.

Flat functional Keras graphs over 4-D tensors. Chunks are ``[B, chunks, size, C]``: what goes along
a chunk needs no transpose, and what goes along the chunks one before and one behind.
"""

import tf_keras as keras

from fqss_tf.layers.attention import DotProductAttention
from fqss_tf.layers.chunks import ChannelsToSources, OverlapAdd
from fqss_tf.layers.lstm import BidirectionalLstm
from fqss_tf.layers.planes import Combiner, Splitter
from fqss_tf.models.waveform import convolution, decoder, encoder, prelu

layers = keras.layers


def encoded_mixture(config, input_planes):
    """(input ``[B, 1, T, 1]``, its encoding ``[B, 1, M, filters]``)."""
    mixture = keras.Input((1, None, 1), name="mixture")
    planes = Splitter(input_planes, name="splitter")(mixture)
    return mixture, encoder(planes, config, input_planes)


def estimated_sources(masked, config, output_planes, frame_residual=False):
    """Masked encodings ``[B, S, M, filters]`` -> estimates ``[B, S, T, 1]``."""
    return Combiner(name="combiner")(decoder(masked, config, output_planes, frame_residual))


def across_chunks(inputs, name):
    """``[B, chunks, size, C]`` -> ``[B, size, chunks, C]``, and back."""
    return layers.Permute((2, 1, 3), name=name)(inputs)


def gated_sources(segments, encoded, config, for_export, chunk_hop=None):
    """Chunks -> ``[B, S, M, width]``: one set of channels a source, added up and gated."""
    active = prelu(segments, "mask_prelu", for_export)
    speakers = convolution(config.sources * config.width, "speakers")(active)
    added = OverlapAdd(config.chunk, chunk_hop, name="overlap_add")([speakers, encoded])
    apart = ChannelsToSources(config.sources, name="sources")(added)
    value = layers.Activation("tanh", name="gated_tanh")(convolution(config.width, "gated")(apart))
    gate = layers.Activation("sigmoid", name="gate_sigmoid")(
        convolution(config.width, "gate")(apart)
    )
    return layers.Multiply(name="gated_product")([value, gate])


def attention(inputs, config, name, for_export):
    """Self-attention with its projections, ``[B, H, T, width]`` to the same.

    For export, the query's projection scales the scores.
    """
    query, key, value = (
        convolution(config.width, f"{name}_{role}")(inputs) for role in ("query", "key", "value")
    )
    context = DotProductAttention(config.heads, scaled=not for_export, name=f"{name}_attention")(
        [query, key, value]
    )
    # The zeros around the chunks must not stay zero: a norm behind would multiply their gradient by
    # 1 / sqrt(epsilon).
    start = keras.initializers.RandomUniform(-(config.width**-0.5), config.width**-0.5)
    return convolution(config.width, f"{name}_context", bias_initializer=start)(context)


def both_directions(inputs, config, name):
    """An LSTM forwards and backwards, ``[B, H, T, C]`` -> ``[B, H, T, 2 * hidden]``."""
    return BidirectionalLstm(config.hidden, name=f"{name}_lstm")(inputs)


def mask_activation(inputs, kind):
    """ReLU, sigmoid, or nothing for ``linear``."""
    if kind == "relu":
        return layers.ReLU(name="masks")(inputs)
    return layers.Activation(kind, name="masks")(inputs)
