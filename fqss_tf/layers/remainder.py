"""Decoders that read samples beside the latent, such as the first output plane."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import tf_keras as keras

from fqss_tf.types import FloatArray, Json

# A second plane is worth 1/256 of the first.
PLANE = 256


@keras.saving.register_keras_serializable("fqss_tf")
class RemainderDecoder(keras.layers.Conv2D):
    """``D(latent) + w_1 y_1 + w_2 y_2..``: one convolution adds it all up in 32 bits.

    Its input is ``[B, S, M, C]``: a latent and, behind it, blocks ``y_k`` of ``hop`` samples. The
    second output plane is ``256 (D(latent) - y)``, where another decoder made y of the same latent,
    rounded to 8 bits. So nothing is rounded before the difference is taken. ``beside_samples``
    makes the kernel.

    Args:
        exact: the last input channels, of the blocks; their weights are not trained, and whole
            numbers of steps in 8 bits.
    """

    def __init__(self, *args: Any, exact: int, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.exact = exact

    def get_config(self) -> Json:
        return {**super().get_config(), "exact": self.exact}


def beside_samples(decoder: FloatArray, weights: Sequence[float], tap: int) -> FloatArray:
    """Returns the kernel ``[1, taps, C + len(weights) * hop, hop]`` of a RemainderDecoder.

    Args:
        decoder: kernel ``[1, taps, C, hop]`` for the latent.
        weights: of the blocks behind it.
        tap: the one that sees the blocks at the time of the output.
    """
    _, taps, _, hop = decoder.shape
    samples = np.zeros((1, taps, len(weights) * hop, hop), decoder.dtype)
    samples[0, tap] = np.concatenate([weight * np.eye(hop) for weight in weights])
    return np.concatenate([decoder, samples], axis=2)


def remainder_kernel(
    decoder: FloatArray, tap: int, weights: Sequence[float] = (-1.0,)
) -> FloatArray:
    """Returns the kernel of the RemainderDecoder of a second plane; ``weights`` are of one plane.

    Other arguments as of ``beside_samples``.
    """
    return PLANE * beside_samples(decoder, weights, tap)
