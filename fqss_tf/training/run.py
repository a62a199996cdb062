"""A run folder: the resolved recipe, the weights of each stage, and the models made from them."""

import csv
import dataclasses
import functools
import json
import logging
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Literal, TypeAlias

import numpy as np

from fqss_tf import environment
from fqss_tf.config import Recipe, StageRecipe, load_recipe, save_recipe
from fqss_tf.errors import FqssError
from fqss_tf.files import atomic_path
from fqss_tf.former_names import run_file
from fqss_tf.models.sizes import EncoderSizes
from fqss_tf.types import (
    Dataset,
    FloatArray,
    KerasModel,
    MixturePair,
    PathLike,
    Planes,
    ScoreWeights,
    Tensor,
)

environment.check()


from fqss_tf.data.bad_files import BadFilePolicy  # noqa: E402
from fqss_tf.data.mixtures import ReadWhenUsed  # noqa: E402
from fqss_tf.data.recordings import is_data_set, recorded_segments  # noqa: E402
from fqss_tf.data.training_sources import (  # noqa: E402
    scored_mixtures,
    training_sources,
)
from fqss_tf.models.published_shapes import published_form  # noqa: E402
from fqss_tf.models.registry import build  # noqa: E402
from fqss_tf.quantization import folding, wrap  # noqa: E402
from fqss_tf.quantization.bias import snap_biases  # noqa: E402
from fqss_tf.quantization.bias_correction import correct_biases  # noqa: E402
from fqss_tf.quantization.equalization import equalize  # noqa: E402
from fqss_tf.training.level import calibrate_level  # noqa: E402
from fqss_tf.training.precision import computing_in  # noqa: E402
from fqss_tf.training.weights import load_weights  # noqa: E402

logger = logging.getLogger(__name__)

METHODS = ("fqss", "qat")
FLOAT_WEIGHTS = "float.npz"
CALIBRATED_WEIGHTS = "calibrated.npz"
QUANTIZED_WEIGHTS = "quantized.npz"
FIXED_BATCHES = "fixed_batches"
CORRECTION_MIXTURES = 16
EQUALIZATION_BATCHES = 16


class Run:
    """An existing run folder. ``publisher``: of the checkpoint that it was imported from, or None.

    Raises:
        FqssError: the folder is not a run of ``fqss-tf train``.
    """

    folder: Path
    recipe: Recipe
    method: str
    publisher: str | None

    def __init__(self, folder: PathLike) -> None:
        self.folder = Path(folder)
        if not (self.folder / "recipe.yaml").is_file():
            raise FqssError(f"{folder} is not a run folder: fqss-tf train makes one")
        self.recipe = load_recipe(self.folder / "recipe.yaml")
        description = json.loads((self.folder / "run.json").read_text())
        self.method = description["method"]
        self.publisher = description.get("imported", {}).get("publisher")

    @classmethod
    def create(cls, folder: PathLike, recipe: Recipe, method: str, resume: bool = False) -> "Run":
        """Makes the folder, or opens it to resume; the recipe must then be the same.

        Raises:
            FqssError: the folder has a run already, or one of another recipe or method.
        """
        folder = Path(folder)
        if (folder / "recipe.yaml").exists():
            run = cls(folder)
            if not resume:
                raise FqssError(f"{folder} holds a run already: add --resume or choose another")
            if run.recipe != recipe or run.method != method:
                raise FqssError(f"{folder} was started with other settings: repeat them to resume")
            return run
        folder.mkdir(parents=True, exist_ok=True)
        with atomic_path(folder / "run.json") as temporary:
            temporary.write_text(json.dumps({"method": method}))
        save_recipe(recipe, folder / "recipe.yaml")
        return cls(folder)

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
        settings = self.recipe.quantization
        if self.method == "fqss":
            return Planes(settings.input_planes, settings.output_planes)
        return Planes(1, 1)

    @property
    def is_quantized(self) -> bool:
        """Whether the run has a finished quantized model."""
        return run_file(self.folder, QUANTIZED_WEIGHTS).exists()

    def kept_step(self, stage: Literal["float", "qat"]) -> int:
        """Reads the step of stage ``float`` or ``qat`` whose weights were best on the dev set."""
        with (self.folder / "log.csv").open(newline="") as file:
            rows = [row for row in csv.DictReader(file) if row["stage"] == stage]
        return int(max(rows, key=lambda row: float(row["dev_si_sdr"]))["step"])

    def segment(self, seconds: float) -> int:
        """Returns ``seconds`` in samples: a multiple of the hop below, at least one kernel."""
        hop = self.recipe.model.hop
        samples = int(seconds * self.recipe.data.sample_rate) // hop * hop
        return max(samples, self.recipe.model.kernel)

    def float_model(self) -> KerasModel:
        """Loads the trained float network, with batch norms and PReLU slopes as they are."""
        model = build(self.config)
        load_weights(model, self.folder / FLOAT_WEIGHTS)
        return model

    def level_calibrated_model(self, recipe: Recipe | None = None) -> KerasModel:
        """Makes the float network with estimates at the level of the sources, as 8 bits need it.

        Training here ends so; an imported network is calibrated on the dev mixtures of a recipe,
        its own if None.
        """
        model = self.float_model()
        if self.publisher is not None:
            recipe = recipe or self.recipe
            calibrate_level(model, fixed_mixtures(recipe), recipe.has_named_sources)
        return model

    def model(self) -> KerasModel:
        """Loads the best model, ``[B, 1, T, 1]`` -> ``[B, S, T, 1]``: quantized, else float.

        Raises:
            FqssError: nothing is trained yet.
        """
        if self.is_quantized:
            return self.quantized_model()
        if not (self.folder / FLOAT_WEIGHTS).exists():
            raise FqssError(
                f"{self.folder} has no finished model yet: continue with fqss-tf train --resume"
            )
        return self.folded_model()

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
            model or self.float_model(), self.config, input_planes=inputs, output_planes=outputs
        )
        if mixtures:
            equalize(network, self.config, mixtures)
        model = wrap.quantize(network)
        if not self.recipe.quantization.train_ranges:
            wrap.keep_ranges(model)
        return model

    def quantized_model(self) -> KerasModel:
        """Loads the trained quantized network, simulated in float."""
        model = self.uncalibrated_model(self.planes)
        load_weights(model, run_file(self.folder, QUANTIZED_WEIGHTS))
        return model

    def calibrated_model(self, planes: Planes, calibration: PathLike | None = None) -> KerasModel:
        """Makes the float network with quantizers whose ranges are measured.

        Args:
            planes: of the network.
            calibration: folder of recordings, or a data set, to measure on instead of the training
                mixtures.
        """
        return self._calibrated(planes, list(self.calibration_batches(calibration)))

    def post_training_model(
        self, planes: Planes, calibration: PathLike | None = None
    ) -> KerasModel:
        """Makes the calibrated model with corrected biases: the best integers without training.

        Its biases are no longer those of the float network. Arguments as of ``calibrated_model``.
        """
        batches = list(self.calibration_batches(calibration))
        model = self._calibrated(planes, batches)
        mixtures = np.concatenate([np.asarray(batch) for batch in batches])[:CORRECTION_MIXTURES]
        correct_biases(model, [mixture[None, None, :, None] for mixture in mixtures])
        snap_biases(model)
        return model

    def _calibrated(self, planes: Planes, mixtures: Sequence[FloatArray | Tensor]) -> KerasModel:
        model = self.uncalibrated_model(
            planes, self.level_calibrated_model(), mixtures[:EQUALIZATION_BATCHES]
        )
        wrap.calibrate(
            model, (mixture[:, None, :, None] for mixture in mixtures),
            self.recipe.quantization.calibration,
        )
        return model

    def calibration_batches(
        self, calibration: PathLike | None = None
    ) -> Iterator[FloatArray | Tensor]:
        """Yields batches of mixtures float32 [B, T] on which the ranges are measured.

        Arguments as of ``calibrated_model``.
        """
        steps, recipe = self.recipe.quantization.calibration_steps, self.recipe
        if calibration is not None and not is_data_set(calibration):
            size = recipe.qat.batch_size
            segments = list(recorded_segments(
                calibration, recipe.data.sample_rate, self.segment(recipe.data.segment_seconds),
                steps * size, self.bad_files,
            ))
            for start in range(0, len(segments), size):
                yield np.stack(segments[start : start + size])
            return
        if calibration is not None:
            data = dataclasses.replace(recipe.data, datasets=(str(calibration),))
            recipe = dataclasses.replace(recipe, data=data)
        drawn = batches(recipe, recipe.qat, seed_offset=1, bad_files=self.bad_files)
        for mixture, _ in drawn.take(steps):
            yield mixture

    def mixtures(self, part: Literal["dev", "test"]) -> Sequence[MixturePair]:
        """Returns the (mixture [T], sources [S, T]) pairs of ``dev`` or ``test``."""
        return fixed_mixtures(self.recipe, part, self.bad_files)


# Makes a ScoreWeights of a run and its dev mixtures.
MakeScore: TypeAlias = Callable[[Run, Sequence[MixturePair]], ScoreWeights]


def network_to_train(recipe: Recipe) -> KerasModel:
    """Makes the float network of a recipe with random weights, as its float stage trains it."""
    with computing_in(recipe.float.precision):
        return build(recipe.model)


def load_model(folder: PathLike) -> KerasModel:
    """Loads the Keras model of a run: the quantized one if it has been trained, else the float one.

    Maps float32 mixtures ``[B, 1, T, 1]`` of peak 1, T a multiple of the hop, to estimates
    ``[B, S, T, 1]``. The float model of an imported run takes and gives what the published network
    does (``fqss_tf.models.published_shapes``), for any T.

    Raises:
        FqssError: not a run folder, or nothing trained in it yet.
    """
    run = Run(folder)
    if run.publisher is not None and not run.is_quantized:
        return published_form(run.float_model(), run.config, run.publisher)
    return run.model()


def batches(
    recipe: Recipe,
    stage: StageRecipe,
    first_batch: int = 0,
    seed_offset: int = 0,
    bad_files: BadFilePolicy | None = None,
) -> Dataset:
    """Makes the endless tf.data.Dataset of training batches (mixture [B, T], sources [B, S, T]).

    Args:
        recipe: what they are made of.
        stage: the stage of it that is trained.
        first_batch: number of the batch that comes first.
        seed_offset: added to the recipe's seed.
        bad_files: hears of what is wrong with the data; None makes one of the recipe's.
    """
    environment.check_tensorflow_io()
    from fqss_tf.data.pipeline import training_mixtures

    data, hop = recipe.data, recipe.model.hop
    bad_files = BadFilePolicy(data.on_bad_file) if bad_files is None else bad_files
    return training_mixtures(
        training_sources(data, recipe.model.sources, bad_files),
        data,
        sources=recipe.model.sources,
        segment_samples=int(data.segment_seconds * data.sample_rate) // hop * hop,
        batch_size=stage.batch_size,
        seed=recipe.seed + seed_offset,
        bad_files=bad_files,
        first_batch=first_batch,
    )


def fixed_mixtures(
    recipe: Recipe,
    part: Literal["dev", "test"] = "dev",
    bad_files: BadFilePolicy | None = None,
) -> ReadWhenUsed:
    """Returns (mixture [T], sources [S, T]) pairs, T a multiple of the hop.

    They are of the first root that has some, else of the bundled speech. ``bad_files`` as for
    ``batches``.
    """
    entries = scored_mixtures(recipe.data, part, recipe.model.sources, bad_files)
    return ReadWhenUsed(entries, recipe.model.hop)
