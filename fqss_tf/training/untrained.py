"""A recipe's network without training, as if it were a run."""

import numpy as np

from fqss_tf.training.run import Run  # first: it checks the environment  # isort: skip

import tf_keras as keras

from fqss_tf.models.inference import separation_function
from fqss_tf.models.registry import build
from fqss_tf.quantization.bias import snap_biases
from fqss_tf.training.level import scale_decoder

UNTRAINED_PEAK = 0.5


class UntrainedRun(Run):
    """A recipe's network with seeded random weights: enough to size it and to time it.

    What it separates is noise, and means nothing.
    """

    def __init__(self, recipe):
        self.recipe = recipe
        self.method = "untrained"
        self.publisher = None

    @property
    def planes(self):
        """(input planes, output planes) that the recipe trains FQSS with."""
        return self.recipe.quantization.input_planes, self.recipe.quantization.output_planes

    @property
    def is_quantized(self):
        """True: there is nothing to train first."""
        return True

    def float_model(self):
        """The network with random weights, its estimates at a level that 8 bits can hold."""
        keras.utils.set_random_seed(self.recipe.seed)
        model = build(self.config)
        _shake_norms(model, self.recipe.seed)
        ((mixture, _),) = self.mixtures("dev")
        peak = np.abs(separation_function(model)(mixture)).max()
        scale_decoder(model, UNTRAINED_PEAK / max(peak, 1e-8))
        return model

    def quantized_model(self):
        """The network with measured ranges, simulated in float."""
        model = self.calibrated_model(self.planes)
        snap_biases(model)
        return model

    def calibration_batches(self, calibration=None):
        """One second of noise: more of it has hardly other extremes."""
        if calibration is not None:
            yield from super().calibration_batches(calibration)
            return
        yield self.mixtures("dev")[0][0][np.newaxis]

    def mixtures(self, part):
        """One second of Gaussian noise of peak 1 from as many sources as the network has."""
        noise = np.random.default_rng(self.recipe.seed).standard_normal(
            (self.config.sources, self.segment(1.0))
        ).astype(np.float32)
        noise /= np.abs(noise.sum(axis=0)).max()
        return [(noise.sum(axis=0), noise)]


def _shake_norms(model, seed):
    """Gains and biases that are no longer 1 and 0: the converter would leave those out."""
    rng = np.random.default_rng(seed)
    for layer in model.layers:
        if layer.name.endswith("_norm"):
            gamma, beta, *moving = layer.get_weights()
            shaken = (values + rng.normal(0, 0.1, values.shape) for values in (gamma, beta))
            layer.set_weights([*shaken, *moving])
