"""A recipe's network without training, as if it were a run."""

from collections.abc import Iterator, Sequence
from typing import Literal

import numpy as np

from fqss_tf.audio.levels import peak_gain
from fqss_tf.config import Recipe
from fqss_tf.models.registry import build, network_of
from fqss_tf.quantization.bias import snap_biases
from fqss_tf.quantization.level import scale_decoder
from fqss_tf.runs.base import BaseRun
from fqss_tf.types import FloatArray, KerasModel, MixturePair, PathLike, Tensor

UNTRAINED_PEAK = 0.5


class UntrainedRun(BaseRun):
    """A recipe's network with seeded random weights: enough to size it and to time it.

    What it separates is noise, and means nothing.
    """

    def __init__(self, recipe: Recipe) -> None:
        self._recipe = recipe

    @property
    def name(self) -> str:
        """The network."""
        return f"untrained {self.recipe.network}"

    @property
    def recipe(self) -> Recipe:
        """The recipe that was given."""
        return self._recipe

    @property
    def method(self) -> str:
        """``untrained``."""
        return "untrained"

    @property
    def is_quantized(self) -> bool:
        """True: there is nothing to train first."""
        return True

    def float_model(self) -> KerasModel:
        """The network with random weights, its estimates at a level that 8 bits can hold."""
        import tf_keras as keras

        keras.utils.set_random_seed(self.recipe.seed)
        model = build(self.config)
        _shake_norms(model, self.recipe.seed)
        if "decoder_0" not in {layer.name for layer in model.layers}:
            return model
        ((mixture, _),) = self.mixtures("dev")
        separate = network_of(self.config).separation(model, self.config, len(mixture))
        scale_decoder(model, UNTRAINED_PEAK * peak_gain(separate(mixture)))
        return model

    def quantized_model(self) -> KerasModel:
        """The network with measured ranges, simulated in float."""
        model = self.rounded_model(self.planes)
        snap_biases(model)
        return model

    def calibration_batches(
        self, calibration: PathLike | None = None
    ) -> Iterator[FloatArray | Tensor]:
        """Yields one second of noise: more of it has hardly other extremes."""
        if calibration is not None:
            yield from super().calibration_batches(calibration)
            return
        yield self.mixtures("dev")[0][0][np.newaxis]

    def mixtures(self, part: Literal["dev", "test"]) -> Sequence[MixturePair]:
        """Returns one second of Gaussian noise of peak 1, of as many sources as the network."""
        noise = np.random.default_rng(self.recipe.seed).standard_normal(
            (self.config.sources, self.recipe.segment(1.0))
        ).astype(np.float32)
        noise /= np.abs(noise.sum(axis=0)).max()
        return [(noise.sum(axis=0), noise)]


def _shake_norms(model: KerasModel, seed: int) -> None:
    """Gains and biases that are no longer 1 and 0: the converter would leave those out."""
    rng = np.random.default_rng(seed)
    for layer in model.layers:
        if layer.name.endswith("_norm"):
            gamma, beta, *moving = layer.get_weights()
            shaken = (values + rng.normal(0, 0.1, values.shape) for values in (gamma, beta))
            layer.set_weights([*shaken, *moving])
