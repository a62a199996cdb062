"""Rounding of a decoder's weights so that their errors cancel: GPTQ (Frantar et al. 2022).

A decoder adds up hundreds of channels that go together, since they encode a few samples. Rounded
one by one, the weights make errors that add up too. Rounded in turn, each makes up for those
before it, as far as the channels tell the same.
"""

from collections.abc import Sequence

import numpy as np
import tensorflow as tf
import tf_keras as keras

from fqss_tf.quantization.bias import Wrapper
from fqss_tf.quantization.quantizers import ConstantRangeQuantizer
from fqss_tf.types import FloatArray, KerasLayer, KerasModel, NetworkInputs

# Of the mean power of the inputs: added to each of them, so that none is taken to tell all.
DAMPING = 1e-3


def round_decoders(model: KerasModel, mixtures: Sequence[NetworkInputs]) -> None:
    """Sets the kernels of all decoders to whole steps, in place; networks of magnitudes have none.

    Args:
        model: quantized, with calibrated ranges, in mode ``quantize``.
        mixtures: batches as the model takes them, like those that it will separate.
    """
    decoders = _decoders(model)
    if not decoders:
        return
    read = keras.Model(model.input, [decoder.input for decoder in decoders])
    kernels = [decoder._weight_vars[0][0] for decoder in decoders]
    # What a RemainderDecoder does with samples is exact already.
    counts = [
        kernel.shape[2] - getattr(decoder.layer, "exact", 0)
        for kernel, decoder in zip(kernels, decoders, strict=True)
    ]
    powers = [
        np.zeros([max(kernel.shape[:2]) * count] * 2)
        for kernel, count in zip(kernels, counts, strict=True)
    ]
    for mixture in mixtures:
        frames = tf.nest.flatten(read(mixture, training=False))
        for kernel, count, power, each in zip(kernels, counts, powers, frames, strict=True):
            seen = each.numpy()[..., :count]
            if kernel.shape[0] > 1:
                seen = seen.swapaxes(1, 2)
            power += _power(seen, max(kernel.shape[:2]))
    for decoder, count, power in zip(decoders, counts, powers, strict=True):
        ((variable, quantizer, ranges),) = decoder._weight_vars
        kernel = variable.numpy()
        whole = kernel.shape
        kernel = kernel.reshape(-1, *whole[2:])  # its taps lie along one axis
        taps, _, outputs = kernel.shape
        rounded = rounded_together(
            kernel[:, :count].reshape(taps * count, outputs), power,
            quantizer.scale(ranges), 2 ** (quantizer.bits - 1) - 1,
        )
        kernel[:, :count] = rounded.reshape(taps, count, outputs)
        variable.assign(kernel.reshape(whole))


def _decoders(model: KerasModel) -> list[KerasLayer]:
    """Convolutions along one axis whose range is that of samples."""
    return [
        layer for layer in model.layers
        if isinstance(layer, Wrapper) and isinstance(layer.layer, keras.layers.Conv2D)
        and min(layer.layer.kernel_size) == 1
        and isinstance(layer.quantize_config.output, ConstantRangeQuantizer)
    ]


def _power(frames: FloatArray, taps: int) -> FloatArray:
    """Products of all inputs of a convolution over ``[B, S, M, C]``, summed: [taps C, taps C]."""
    count = frames.shape[2] - taps + 1
    seen = np.concatenate([frames[:, :, tap : tap + count] for tap in range(taps)], axis=-1)
    rows = seen.reshape(-1, seen.shape[-1]).astype(np.float64)
    return rows.T @ rows


def rounded_together(
    weights: FloatArray, power: FloatArray, scales: FloatArray, limit: int
) -> FloatArray:
    """Rounds weights to steps so that the sum over the inputs changes least in the mean square.

    Args:
        weights: float [inputs, outputs].
        power: float [inputs, inputs], the inputs' products with each other.
        scales: steps, float [outputs].
        limit: of the integers, at either side.

    Returns:
        float [inputs, outputs], integers times ``scales``.
    """
    power = power + (DAMPING * np.mean(np.diag(power)) + np.finfo(np.float32).tiny) * np.eye(
        len(power)
    )
    order = np.argsort(-np.diag(power))
    left = weights[order].astype(np.float64)
    # Row i says how an error of input i is made up for by those behind it.
    remedy = np.linalg.cholesky(np.linalg.inv(power[np.ix_(order, order)])).T
    rounded = np.empty_like(weights)
    for row, index in enumerate(order):
        rounded[index] = np.clip(np.round(left[row] / scales), -limit, limit) * scales
        error = (left[row] - rounded[index]) / remedy[row, row]
        left[row:] -= np.outer(remedy[row, row:], error)
    return rounded
