"""One LSTM layer behind an 8-bit input: float, simulated, and as a .tflite."""

import numpy as np
import tensorflow as tf
import tf_keras as keras
from ai_edge_litert.interpreter import Interpreter, OpResolverType

from fqss_tf.export.graphs import convert_int8_function
from fqss_tf.layers.planes import Splitter
from fqss_tf.quantization.bias import snap_biases
from fqss_tf.quantization.wrap import calibrate, quantize, set_mode


def lstm_network(layer, channels, units):
    """A float network of one layer of a class, always with the same large weights."""
    keras.utils.set_random_seed(0)
    entry = keras.Input((None, None, channels))
    network = keras.Model(entry, layer(units, name="lstm")(Splitter(1, name="splitter")(entry)))
    network.set_weights([2 * weight for weight in network.get_weights()])
    return network


def code_inputs(rows, steps, channels):
    """Samples of 8 bits, float32 [1, rows, steps, channels]."""
    codes = np.random.default_rng(0).integers(-128, 128, (1, rows, steps, channels))
    return (codes / 128).astype(np.float32)


class ExportedLstm:
    """A network of ``lstm_network``, quantized to 8 bits and converted.

    ``model`` is in mode ``deploy``, and ``simulated`` what it gives for ``inputs``.
    """

    def __init__(self, network, inputs, calibration):
        self.network, self.inputs = network, inputs
        self.model = quantize(network)
        calibrate(self.model, calibration)
        snap_biases(self.model)
        set_mode(self.model, "deploy")
        signature = tf.TensorSpec(inputs.shape, tf.float32)
        self.content = convert_int8_function(
            lambda entered: {"hidden": self.model(entered, training=False)}, self.model, signature
        )
        self.simulated = self.model(inputs).numpy()

    def run(self, inputs, kernels=OpResolverType.AUTO, before=None):
        """Hidden states of the .tflite; ``before``: inputs that it has seen already."""
        engine = Interpreter(
            model_content=self.content, experimental_op_resolver_type=kernels
        )
        engine.allocate_tensors()
        (entry,), (output,) = engine.get_input_details(), engine.get_output_details()
        for item in (before, inputs):
            if item is not None:
                engine.reset_all_variables()
                engine.set_tensor(entry["index"], np.round(item * 128).astype(np.int8))
                engine.invoke()
        scale, zero_point = output["quantization"]
        return scale * (engine.get_tensor(output["index"]).astype(np.float32) - zero_point)


def sqnr(signal, noisy):
    """dB."""
    return 10 * np.log10(np.sum(signal**2) / np.sum((noisy - signal) ** 2))
