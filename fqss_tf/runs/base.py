"""The models that are made from a run, whether it was trained, imported or neither."""

import abc
import functools
from collections.abc import Iterator, Sequence
from typing import Literal

import numpy as np

from fqss_tf.config import Recipe
from fqss_tf.data.bad_files import BadFilePolicy
from fqss_tf.data.recipe_data import calibration_batches, fixed_mixtures
from fqss_tf.errors import FqssError
from fqss_tf.models.network import SpectrogramNetwork
from fqss_tf.models.registry import network_of
from fqss_tf.models.sizes import EncoderSizes, Masking
from fqss_tf.quantization import folding, wrap
from fqss_tf.quantization.bias import make_room_for_biases, snap_biases
from fqss_tf.quantization.bias_correction import correct_biases
from fqss_tf.quantization.centering import center_masks, center_norms
from fqss_tf.quantization.equalization import equalize
from fqss_tf.quantization.level import calibrate_level
from fqss_tf.quantization.rounding import round_decoders
from fqss_tf.types import (
    FloatArray,
    KerasModel,
    MixturePair,
    NetworkInputs,
    PathLike,
    Planes,
    Tensor,
)

CORRECTION_MIXTURES = 16
EQUALIZATION_BATCHES = 16
ROUNDING_BATCHES = 16


class BaseRun(abc.ABC):
    """A recipe and the float network that belongs to it, from wherever it comes.

    From these follow the networks of 8 bits. A run that has been trained in 8 bits says so.
    """

    @property
    @abc.abstractmethod
    def name(self) -> str:
        """What messages call the run, such as its folder."""

    @property
    @abc.abstractmethod
    def recipe(self) -> Recipe:
        """Everything that decides how it is trained."""

    @property
    @abc.abstractmethod
    def method(self) -> str:
        """``fqss``, ``qat`` or ``untrained``."""

    @property
    def tells_rate(self) -> bool:
        """Whether its recipe's sample rate is known, not only usual."""
        return True

    @property
    def publisher(self) -> str | None:
        """Of the checkpoint that the float network was imported from, or None."""
        return None

    @property
    def is_quantized(self) -> bool:
        """Whether there is a quantized model of its own."""
        return False

    @abc.abstractmethod
    def float_model(self) -> KerasModel:
        """Makes the float network, with batch norms and PReLU slopes as they are."""

    def quantized_model(self) -> KerasModel:
        """Makes the quantized network, simulated in float.

        Raises:
            FqssError: there is none.
        """
        raise FqssError(f"{self.name} has no quantized model: train it or convert with --ptq")

    @functools.cached_property
    def bad_files(self) -> BadFilePolicy:
        """The policy that hears of what is wrong with the data."""
        return BadFilePolicy(self.recipe.data.on_bad_file)

    @property
    def config(self) -> EncoderSizes:
        """Sizes of the network."""
        return self.recipe.model

    @property
    def planes(self) -> Planes:
        """Those of the quantized network."""
        if self.method == "qat":
            return Planes(1, 1)
        settings = self.recipe.quantization
        return Planes(settings.input_planes, settings.output_planes)

    def model(self) -> KerasModel:
        """Makes the best model, ``[B, 1, T, 1]`` -> ``[B, S, T, 1]``: quantized, else float."""
        return self.quantized_model() if self.is_quantized else self.folded_model()

    def level_calibrated_model(self, recipe: Recipe | None = None) -> KerasModel:
        """Makes the float network with estimates at the level of the sources, as 8 bits need it.

        Training here ends so, and so do networks of music; another imported network is calibrated
        on the dev mixtures of a recipe, its own if None.
        """
        model = self.float_model()
        if self.publisher is not None and not network_of(self.config).of_music:
            recipe = recipe or self.recipe
            calibrate_level(model, fixed_mixtures(recipe), recipe.has_named_sources)
        return model

    def folded_model(self) -> KerasModel:
        """Makes the float network in the form that is exported."""
        return folding.fold_for_export(self.float_model(), self.config)

    def frozen_teacher(self) -> KerasModel:
        """Makes the float network in the form that is exported, not to be trained."""
        teacher = self.folded_model()
        teacher.trainable = False
        return teacher

    def uncalibrated_model(
        self,
        planes: Planes,
        model: KerasModel | None = None,
        mixtures: Sequence[FloatArray | Tensor] = (),
    ) -> KerasModel:
        """Makes the network with quantizers whose ranges are not known yet.

        Args:
            planes: of the network.
            model: the float network that it starts from; the run's as it is if None.
            mixtures: batches [B, T] on which its channels are equalized; they stay as they are if
                there are none, as suits a network whose weights will be loaded.
        """
        inputs, outputs = planes
        network = folding.add_planes(
            model or self.float_model(), self.config, input_planes=inputs, output_planes=outputs,
            residual=self.recipe.quantization.residual, masking=self._masking(planes),
            latent_planes=self._latent_planes(planes),
        )
        if mixtures:
            center_norms(network, mixtures)
            center_masks(network, mixtures)
            equalize(network, self.config, mixtures)
            # Keras must not be imported before its version is checked.
            from fqss_tf.models.masking import decode_beside

            decode_beside(network, self.config)
        model = wrap.quantize(network)
        if not self.recipe.quantization.train_ranges:
            wrap.keep_ranges(model)
        return model

    def _masking(self, planes: Planes) -> Masking:
        return self.recipe.quantization.masking if planes == (2, 2) else "direct"

    def _latent_planes(self, planes: Planes) -> int:
        _, outputs = planes
        return self.recipe.quantization.latent_planes if outputs == 2 else 1

    def calibrated_model(self, planes: Planes, calibration: PathLike | None = None) -> KerasModel:
        """Makes the float network with quantizers whose ranges are measured.

        Args:
            planes: of the network.
            calibration: folder of recordings, or a data set, to measure on instead of the training
                mixtures.
        """
        return self._calibrated(planes, list(self.calibration_batches(calibration)))

    def rounded_model(
        self, planes: Planes, calibration: PathLike | None = None
    ) -> KerasModel:
        """Makes the calibrated model with decoders rounded as a whole: training begins with it.

        Its decoders are no longer those of the float network. Arguments as of
        ``calibrated_model``.
        """
        return self._rounded(planes, list(self.calibration_batches(calibration)))

    def post_training_model(
        self, planes: Planes, calibration: PathLike | None = None
    ) -> KerasModel:
        """Makes the rounded model with corrected biases: the best integers without training.

        Its biases are no longer those of the float network. Arguments as of ``calibrated_model``.
        """
        batches = list(self.calibration_batches(calibration))
        model = self._rounded(planes, batches)
        mixtures = np.concatenate([np.asarray(batch) for batch in batches])[:CORRECTION_MIXTURES]
        if not self._hears_magnitudes:
            # Most magnitudes are near 0: their mean error says nothing about the loud ones.
            correct_biases(model, [self._heard(mixture[None]) for mixture in mixtures])
        snap_biases(model)
        return model

    def _calibrated(self, planes: Planes, mixtures: Sequence[FloatArray | Tensor]) -> KerasModel:
        model = self.uncalibrated_model(
            planes, self.level_calibrated_model(), mixtures[:EQUALIZATION_BATCHES]
        )
        wrap.calibrate(
            model, map(self._heard, mixtures),
            self.recipe.quantization.calibration,
        )
        make_room_for_biases(model)
        return model

    def _rounded(self, planes: Planes, mixtures: Sequence[FloatArray | Tensor]) -> KerasModel:
        model = self._calibrated(planes, mixtures)
        first = mixtures[:ROUNDING_BATCHES]
        round_decoders(model, [self._heard(mixture) for mixture in first])
        return model

    @property
    def _hears_magnitudes(self) -> bool:
        """Whether it says masks and no samples."""
        return isinstance(network_of(self.config), SpectrogramNetwork)

    def _heard(self, mixtures: FloatArray | Tensor) -> NetworkInputs:
        """What the model takes of mixtures [B, T]."""
        return network_of(self.config).inputs(mixtures, self.config)

    def calibration_batches(
        self, calibration: PathLike | None = None
    ) -> Iterator[FloatArray | Tensor]:
        """Yields batches of mixtures float32 [B, T] on which the ranges are measured.

        Arguments as of ``calibrated_model``.
        """
        return calibration_batches(self.recipe, calibration, self.bad_files)

    def mixtures(self, part: Literal["dev", "test"]) -> Sequence[MixturePair]:
        """Returns the (mixture [T], sources [S, T]) pairs of ``dev`` or ``test``."""
        return fixed_mixtures(self.recipe, part, self.bad_files)
