"""Layers that round between their ops."""

from typing import Any

import tf_keras as keras

from fqss_tf.types import Activation


class WithInnerTensors(keras.layers.Layer):
    """A layer that rounds between its ops; ``mode`` is that of the quantizers."""

    inner_tensors: tuple[str, ...]

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.mode = "calibrate"
        self.quantized = False
        self.inner_activations: dict[str, Activation] = {
            name: keras.activations.linear for name in self.inner_tensors
        }
