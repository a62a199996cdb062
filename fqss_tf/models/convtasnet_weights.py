"""Weights of the published PyTorch ConvTasNets, by the names of this project's layers."""

import numpy as np

from fqss_tf.models.convtasnet import ConvTasNetConfig


def samples_kernel_to_blocks(kernel, hop):
    """Encoder kernel ``[N, 1, k]`` -> ``[1, taps, hop, N]`` over blocks of ``hop`` samples."""
    filters, _, length = kernel.shape
    return kernel.reshape(filters, length // hop, hop).transpose(1, 2, 0)[None]


def transposed_kernel_to_blocks(kernel, hop):
    """Transposed-convolution kernel ``[N, 1, k]`` -> plain ``[1, taps, N, hop]``, taps reversed."""
    filters, _, length = kernel.shape
    return kernel.reshape(filters, length // hop, hop).transpose(1, 0, 2)[None, ::-1]


def from_state_dict(state, config: ConvTasNetConfig):
    """Layer name -> list of arrays, from a positional (registration-order) list of tensors.

    Asteroid and FQSS name the same tensors differently but register them in the same order.

    Args:
        state: the tensors in registration order, without those that FQSS' splitter and combiner
            add.
        config: the sizes; ``norm`` must be ``global``.
    """
    tensors = iter(state)

    def conv():
        weight = next(tensors)[..., 0]
        return [weight.T[None, None], next(tensors)]

    def norm():
        return [next(tensors).reshape(-1), next(tensors).reshape(-1)]

    weights = {"encoder_0": [samples_kernel_to_blocks(next(tensors), config.hop)]}
    weights["bottleneck_norm"] = norm()
    weights["bottleneck"] = conv()
    last = len(config.dilations) - 1
    for index in range(last + 1):
        name = f"block_{index}"
        weights[f"{name}_in"] = conv()
        weights[f"{name}_in_prelu"] = [next(tensors).reshape(())]
        weights[f"{name}_in_norm"] = norm()
        depthwise = next(tensors)
        weights[f"{name}_depthwise"] = [depthwise.transpose(1, 2, 0)[..., None], next(tensors)]
        weights[f"{name}_depthwise_prelu"] = [next(tensors).reshape(())]
        weights[f"{name}_depthwise_norm"] = norm()
        residual = conv()
        if index < last:
            weights[f"{name}_residual"] = residual
        weights[f"{name}_skip"] = conv()
    weights["mask_prelu"] = [next(tensors).reshape(())]
    kernel, bias = conv()
    for source, (part, offset) in enumerate(
        zip(np.split(kernel, config.sources, -1), np.split(bias, config.sources), strict=True)
    ):
        weights[f"mask_{source}"] = [part, offset]
    weights["decoder_0"] = [transposed_kernel_to_blocks(next(tensors), config.hop)]
    return weights


def assign(model, weights):
    """Sets the weights of every named layer of a Keras model.

    Raises:
        ValueError: a layer has other shapes than its weights.
    """
    for name, values in weights.items():
        model.get_layer(name).set_weights(values)
