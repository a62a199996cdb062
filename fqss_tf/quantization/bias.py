"""Biases on the grid that the integer kernels have for them."""

import numpy as np
import tf_keras as keras

import tensorflow_model_optimization as tfmot  # isort: skip  (needs tf_keras first)

Wrapper = tfmot.quantization.keras.QuantizeWrapperV2
INT32_LIMIT = 2**31 - 1


def snap_biases(model):
    """Rounds every convolution bias of a quantised model to a multiple of input times weight scale.

    The integer kernels store biases so. Left out of the simulation, the rounding would move about
    one output in a hundred by one step, the largest difference between simulation and integers.
    """
    for layer in model.layers:
        if not (isinstance(layer, Wrapper) and isinstance(layer.layer, keras.layers.Conv2D)):
            continue
        if not layer.layer.use_bias:
            continue
        ((_, weight_quantizer, weight_variables),) = layer._weight_vars
        scale = input_scale(layer) * np.maximum(weight_quantizer.scale(weight_variables), 1e-30)
        steps = np.clip(np.round(layer.layer.bias.numpy() / scale), -INT32_LIMIT, INT32_LIMIT)
        layer.layer.bias.assign(steps * scale)


def input_scale(layer):
    """The scale of the integer tensor that a wrapped layer reads."""
    source = quantised_source(layer)
    return source._output_quantizers[0].scale(source._output_quantizer_vars)


def quantised_source(layer):
    """The wrapped layer whose quantiser made the integer tensor that a layer of one input reads."""
    source = layer.inbound_nodes[0].inbound_layers
    while not (isinstance(source, Wrapper) and source._output_quantizers):
        source = source.inbound_nodes[0].inbound_layers
    return source
