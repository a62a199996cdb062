"""ConvTasNet as papers write it.

Strided convolution in, transposed convolution out, PReLU, one op per formula of the norm.
"""

from collections.abc import Callable

import numpy as np
import tensorflow as tf
import tf_keras as keras

from fqss_tf.models.convtasnet.sizes import ConvTasNetConfig
from fqss_tf.types import KerasModel, Tensor


def reference_model(
    model: KerasModel, config: ConvTasNetConfig, samples: int
) -> Callable[[Tensor], list[Tensor]]:
    """Returns a float ConvTasNet in the ops of its publication, batch 1, static length.

    Args:
        model: float Keras model of ``fqss_tf.models.registry.build(config)``.
        config: its sizes, norm ``global`` or ``batch``.
        samples: length of the mixture, a multiple of the hop.

    Returns:
        Function float32 [1, 1, samples, 1] -> list of the sources' estimates, of the same shape.
    """
    weights = {layer.name: layer.get_weights() for layer in model.layers if layer.weights}
    size = config.kernel

    def convolution(inputs: Tensor, name: str, kernel: Tensor | None = None) -> Tensor:
        stored, *bias = weights[name]
        outputs = tf.nn.conv2d(inputs, stored if kernel is None else kernel, 1, "VALID")
        return outputs + bias[0] if bias else outputs

    def norm(inputs: Tensor, name: str, kind: str) -> Tensor:
        if config.norm != kind:
            return inputs
        if kind == "batch":
            gamma, beta, mean, variance = weights[name]
            epsilon = model.get_layer(name).epsilon
            return tf.nn.batch_normalization(inputs, mean, variance, beta, gamma, epsilon)
        gamma, beta = weights[name]
        mean = tf.reduce_mean(inputs, [1, 2, 3], keepdims=True)
        variance = tf.reduce_mean(
            tf.math.squared_difference(inputs, mean), [1, 2, 3], keepdims=True
        )
        deviation = tf.sqrt(variance + model.get_layer(name).epsilon)
        return (inputs - mean) / deviation * gamma + beta

    def active(inputs: Tensor, name: str) -> Tensor:
        if config.activation == "relu":
            return tf.nn.relu(inputs)
        slopes = np.full((1, 1, inputs.shape[-1]), weights[name][0], np.float32)
        return tf.nn.relu(inputs) + -slopes * tf.nn.relu(-inputs)  # as Keras' PReLU has it

    def block(inputs: Tensor, name: str) -> Tensor:
        inputs = norm(inputs, f"{name}_norm", "batch")
        return norm(active(inputs, f"{name}_prelu"), f"{name}_norm", "global")

    def network(mixture: Tensor) -> list[Tensor]:
        encoder = weights["encoder_0"][0].reshape(1, size, 1, config.filters)
        encoded = tf.nn.conv2d(mixture, encoder, (1, config.hop), "VALID")
        features = tf.nn.relu(encoded) if config.features == "rectified" else encoded
        trunk = norm(norm(features, "bottleneck_norm", "global"), "bottleneck_norm", "batch")
        trunk = convolution(trunk, "bottleneck")
        skip_sum = 0.0
        for index, dilation in enumerate(config.dilations):
            name = f"block_{index}"
            hidden = block(convolution(trunk, f"{name}_in"), f"{name}_in")
            kernel, bias = weights[f"{name}_depthwise"]
            hidden = bias + tf.nn.depthwise_conv2d(
                hidden, kernel, (1, 1, 1, 1), "SAME", dilations=(1, dilation)
            )
            hidden = block(hidden, f"{name}_depthwise")
            skip_sum = skip_sum + convolution(hidden, f"{name}_skip")
            if index + 1 < len(config.dilations):
                trunk = trunk + convolution(hidden, f"{name}_residual")
        skip_sum = active(skip_sum, "mask_prelu")
        decoder = weights["decoder_0"][0][0, ::-1].transpose(0, 2, 1)
        decoder = decoder.reshape(1, size, 1, config.filters)
        activation = keras.activations.get(config.mask_activation)
        decoded = [
            tf.nn.conv2d_transpose(
                activation(convolution(skip_sum, f"mask_{latent}")) * encoded,
                decoder, (1, 1, samples, 1), (1, 1, config.hop, 1), "VALID",
            )
            for latent in range(config.latents)
        ]
        if config.sum_to_mixture:
            if config.first_is_rest:
                return [mixture - decoded[0], decoded[0]]
            return [mixture / 2 + decoded[0], mixture / 2 - decoded[0]]
        return decoded

    return network
