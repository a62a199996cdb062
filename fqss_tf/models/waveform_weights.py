"""Published encoder and decoder kernels for the convolutions over blocks of samples."""

from fqss_tf.types import FloatArray, KerasModel, LayerWeights


def samples_kernel_to_blocks(kernel: FloatArray, hop: int) -> FloatArray:
    """Encoder kernel ``[N, 1, k]`` -> ``[1, taps, hop, N]`` over blocks of ``hop`` samples."""
    filters, _, length = kernel.shape
    return kernel.reshape(filters, length // hop, hop).transpose(1, 2, 0)[None]


def transposed_kernel_to_blocks(kernel: FloatArray, hop: int) -> FloatArray:
    """Transposed-convolution kernel ``[N, 1, k]`` -> plain ``[1, taps, N, hop]``, taps reversed."""
    filters, _, length = kernel.shape
    return kernel.reshape(filters, length // hop, hop).transpose(1, 0, 2)[None, ::-1]


def assign(model: KerasModel, weights: LayerWeights) -> None:
    """Sets the weights of every named layer of a Keras model.

    Raises:
        ValueError: a layer has other shapes than its weights.
    """
    for name, values in weights.items():
        model.get_layer(name).set_weights(values)
