"""Constants that an int8 graph holds without rounding."""

import numpy as np
import tensorflow as tf


def int8_constant(values: float | np.ndarray) -> tf.Tensor:
    """``values`` as a fake-quantised constant: each is 0, or plus or minus one same magnitude."""
    largest = float(np.abs(values).max())
    return tf.quantization.fake_quant_with_min_max_args(
        tf.constant(values, tf.float32), -largest, largest, narrow_range=True
    )
