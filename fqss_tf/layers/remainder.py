"""The second output plane: what the 8 bits of the first one left out."""

import numpy as np
import tf_keras as keras

from fqss_tf.types import FloatArray


@keras.saving.register_keras_serializable("fqss_tf")
class RemainderDecoder(keras.layers.Conv2D):
    """``256 (D(latent) - y)``: both are inputs of one convolution, which adds up in 32 bits.

    Its input is ``[B, S, M, filters + hop]``: a latent and, behind it, the blocks y that another
    decoder made of the same latent and rounded to 8 bits. So nothing is rounded before the
    difference is taken. ``remainder_kernel`` makes the kernel.
    """


def remainder_kernel(decoder: FloatArray, subtracting_tap: int) -> FloatArray:
    """Returns the kernel ``[1, taps, filters + hop, hop]`` of a RemainderDecoder.

    Args:
        decoder: kernel ``[1, taps, filters, hop]`` of the decoder.
        subtracting_tap: the tap that sees the block that the decoder made of the same frames.
    """
    _, taps, _, hop = decoder.shape
    subtracted = np.zeros((1, taps, hop, hop), decoder.dtype)
    subtracted[0, subtracting_tap] = -np.eye(hop)
    return 256 * np.concatenate([decoder, subtracted], axis=2)
