"""Training of a run: its float stage, its calibration and its quantized stage."""

import dataclasses
import logging
import shutil
from collections.abc import Callable, Collection, Sequence
from pathlib import Path
from typing import TypeAlias

import tf_keras as keras

from fqss_tf.config import Recipe
from fqss_tf.data.bad_files import BadFilePolicy, bad_files_named
from fqss_tf.data.recipe_data import batches, fixed_mixtures
from fqss_tf.data.training_sources import check_roots
from fqss_tf.errors import FqssError
from fqss_tf.models.registry import build, network_of
from fqss_tf.models.sizes import EncoderSizes
from fqss_tf.quantization import folding, wrap
from fqss_tf.quantization.bias import snap_biases
from fqss_tf.quantization.level import calibrate_level
from fqss_tf.runs.base import BaseRun
from fqss_tf.runs.folder import FLOAT_WEIGHTS, METHODS, RunFolder
from fqss_tf.runs.run import Run
from fqss_tf.runs.shipped import ShippedRun
from fqss_tf.runs.weights import (
    assign_arrays,
    load_weights,
    named_variables,
    save_weights,
    weights_of,
)
from fqss_tf.training import losses
from fqss_tf.training.checkpoints import checkpoint_path
from fqss_tf.training.distribution import Distribution
from fqss_tf.training.fixed_batches import FixedBatches
from fqss_tf.training.loop import StageLoop
from fqss_tf.training.precision import computing_in, usable
from fqss_tf.training.widening import widened
from fqss_tf.types import (
    Dataset,
    KerasModel,
    MixturePair,
    PathLike,
    ScoreWeights,
    Separate,
    Tensor,
)

logger = logging.getLogger(__name__)

# Sizes without which weights fit all the same: a network that sees what is to come can start from
# one that does not.
FREE_OF_INITIAL = ("causal", "initial_filters", "lstm")
# Makes a ScoreWeights of a run and its dev mixtures.
MakeScore: TypeAlias = Callable[[Run, Sequence[MixturePair]], ScoreWeights]


@bad_files_named()
def train(
    recipe: Recipe,
    folder: PathLike,
    method: str = "fqss",
    teacher: BaseRun | PathLike | None = None,
    resume: bool = False,
    initial: BaseRun | PathLike | None = None,
    integer_score: MakeScore | None = None,
    distribution: Distribution | None = None,
) -> Run:
    """Trains float, calibrates, trains quantized; each stage is skipped if its weights are there.

    Args:
        recipe: a Recipe.
        folder: of the run, made anew unless ``resume``.
        method: ``fqss`` (splitter, combiner, distillation) or ``qat`` (8-bit input and output, the
            task loss alone).
        teacher: a run with the float model to start from, or its folder; None trains one.
        resume: continue an interrupted run.
        initial: a run whose float model the float stage starts from, or its folder; None starts
            from random weights. Its network may be narrower in what ``Network.widths`` says.
        integer_score: function (Run, dev mixtures) -> function of the weights of the quantized
            model that gives its score in integers and the gap to the simulation, dB; it is logged
            at each evaluation. None leaves it out.
        distribution: a Distribution; None trains in this process on one device.

    Returns:
        The Run.

    Raises:
        FqssError: bad settings, data that does not fit, a loss that is not finite, a lost worker.
    """
    if method not in METHODS:
        raise FqssError(f"method {method!r} is unknown: use one of {', '.join(METHODS)}")
    if method == "fqss":
        settings = recipe.quantization
        recipe.model.check_output_planes(settings.output_planes, settings.residual)
        recipe.model.check_masking(settings.masking, settings.residual)
        recipe.model.check_latent_planes(
            settings.latent_planes, settings.output_planes, settings.residual
        )
    is_done = (Path(folder) / FLOAT_WEIGHTS).exists()
    _check_network(
        recipe, has_float=is_done or teacher is not None, scores_integers=integer_score is not None
    )
    if recipe.qat.steps:
        wrap.check_layers(folding.fold_for_export(build(recipe.model), recipe.model))
    bad_files = BadFilePolicy(recipe.data.on_bad_file)
    check_roots(recipe.data, bad_files)
    if teacher is not None and initial is not None:
        raise FqssError("a teacher replaces the float stage: it takes no initial weights")
    # What the float stage starts from matters no more once it is done, or goes on.
    goes_on = resume and checkpoint_path(Path(folder), "float").exists()
    teacher_run = None if is_done else _opened(teacher, recipe.model)
    initial_run = None if is_done or goes_on else _opened(
        initial, recipe.model, free=FREE_OF_INITIAL,
        grown=network_of(recipe.model).widths(recipe.model),
    )
    if teacher_run is not None:
        _check_sound(teacher_run, recipe)
    distribution = distribution or Distribution()
    for stage in (recipe.float, recipe.qat):
        distribution.check_batch_size(stage.batch_size)
    dev = fixed_mixtures(recipe, bad_files=bad_files)
    with distribution.named_loss_of_workers():
        if distribution.is_chief:
            RunFolder.create(folder, recipe, method, resume, _places(teacher, initial))
        distribution.wait()
        RunFolder.create(folder, recipe, method, resume=True)  # checks it on the other workers
        run = Run(folder)
        run.bad_files = bad_files
        _Training(run, dev, resume, distribution).train(teacher_run, initial_run, integer_score)
    if bad_files.lines and distribution.is_chief:
        logger.warning("broken files and rows that were left out: %d", len(bad_files))
    return run


def _check_network(recipe: Recipe, has_float: bool, scores_integers: bool) -> None:
    """Checks that the stages that are left suit the network, and can be scored so."""
    network = network_of(recipe.model)
    if network.of_music and scores_integers:
        raise FqssError(f"--integer-eval is refused: it has no way to run {recipe.network}")
    if network.of_music and not has_float and recipe.loss == "si_sdr":
        raise FqssError(
            f"loss si_sdr leaves the level of the estimates open, and {recipe.network} gives that "
            "of the sources: set loss: l1, or sdr"
        )


def _places(
    teacher: BaseRun | PathLike | None, initial: BaseRun | PathLike | None
) -> dict[str, str]:
    """What a run starts from: where it lies, or the name of a model that ships."""
    given = {"teacher": teacher, "initial": initial}
    return {role: _place(source) for role, source in given.items() if source is not None}


def _place(source: BaseRun | PathLike) -> str:
    if isinstance(source, ShippedRun):
        return source.name
    return str(Path(source.name if isinstance(source, BaseRun) else source).absolute())


def _opened(
    source: BaseRun | PathLike | None, sizes: EncoderSizes, free: Collection[str] = (),
    grown: Collection[str] = (),
) -> BaseRun | None:
    """The run of a run, of its folder, or of None; it must be of a network of these sizes.

    ``free``: sizes that may differ. ``grown``: those that may be smaller there.
    """
    if source is None:
        return None
    run = source if isinstance(source, BaseRun) else Run(source)
    found, expected = dataclasses.asdict(run.recipe.model), dataclasses.asdict(sizes)
    if type(run.recipe.model) is not type(sizes):
        raise FqssError(f"{run.name} is another network than the recipe's: {run.recipe.network}")
    for name, value in expected.items():
        fits = found[name] == value or name in free or (name in grown and found[name] < value)
        if not fits:
            raise FqssError(
                f"{run.name} is a network of other sizes than the recipe's: "
                f"model.{name} is {found[name]} there and {value} in the recipe"
            )
    return run


def _check_sound(teacher: BaseRun, recipe: Recipe) -> None:
    """Checks that a teacher hears and gives what the recipe says."""
    theirs, ours = teacher.recipe.data, recipe.data
    if teacher.tells_rate and theirs.sample_rate != ours.sample_rate:
        raise FqssError(
            f"{teacher.name} works at {theirs.sample_rate} Hz, the recipe at {ours.sample_rate} "
            "Hz: set data.sample_rate"
        )
    if theirs.sources and ours.sources and theirs.sources != ours.sources:
        raise FqssError(
            f"{teacher.name} gives {', '.join(theirs.sources)}, the recipe wants "
            f"{', '.join(ours.sources)}: set data.sources"
        )


class _Training:
    """The stages of a run on every worker; the chief writes what the others then read."""

    def __init__(
        self, run: Run, dev: Sequence[MixturePair], resume: bool, distribution: Distribution
    ) -> None:
        self.run = run
        self.dev = dev
        self.resume = resume
        self.distribution = distribution

    def train(
        self, teacher: BaseRun | None, initial: BaseRun | None, integer_score: MakeScore | None
    ) -> None:
        """Trains the stages whose weights are not there yet."""
        if not self.run.files.float_weights.exists():
            if teacher is None:
                self.float_stage(initial)
            else:
                self.write(
                    teacher.level_calibrated_model(self.run.recipe), self.run.files.float_weights
                )
        self.distribution.wait()
        if self.run.recipe.qat.steps and not self.run.is_quantized:
            self.quantized_stage(integer_score)
        self.distribution.wait()
        if self.distribution.is_chief:
            shutil.rmtree(self.run.files.fixed_batches, ignore_errors=True)

    def write(self, model: KerasModel, path: Path) -> None:
        """Writes weights into the run folder, on the chief."""
        if self.distribution.is_chief:
            save_weights(model, path)

    def float_stage(self, initial: BaseRun | None) -> None:
        """Trains the float network and calibrates its level."""
        recipe = self.run.recipe
        keras.utils.set_random_seed(recipe.seed)
        with self.distribution.strategy.scope():
            model = network_to_train(recipe)
            if initial is not None:
                start = network_of(recipe.model).adapted(
                    weights_of(initial.level_calibrated_model(recipe)), initial.config,
                    recipe.model,
                )
                assign_arrays(
                    named_variables(model), widened(start, weights_of(model)), initial.name
                )

        StageLoop(
            model, losses.task_loss(recipe), self.dev, recipe.float, self.run.folder, name="float",
            distribution=self.distribution,
            in_order=recipe.has_named_sources,
            estimates=self.estimates,
            separation=self.separation,
        ).run(
            lambda first: batches(recipe, recipe.float, first, bad_files=self.run.bad_files),
            self.resume,
        )
        calibrated = self.undistributed(model)
        if self.distribution.is_chief:
            if not network_of(recipe.model).of_music:
                calibrate_level(calibrated, self.dev, recipe.has_named_sources)
        self.write(calibrated, self.run.files.float_weights)

    def estimates(
        self, model: Callable[..., Tensor], mixtures: Tensor, training: bool
    ) -> Tensor:
        """Returns estimates [B, S, T] of mixtures [B, T]."""
        config = self.run.config
        return network_of(config).estimates(model, mixtures, config, training)

    def separation(self, model: Callable[..., Tensor]) -> Separate:
        """Returns what separates the dev mixtures."""
        recipe = self.run.recipe
        return network_of(recipe.model).separation(model, recipe.model, recipe.segment())

    def undistributed(self, model: KerasModel) -> KerasModel:
        """Makes a copy of a float model on this process alone."""
        copy = build(self.run.config)
        copy.set_weights(model.get_weights())
        return copy

    def quantized_stage(self, integer_score: MakeScore | None) -> None:
        """Calibrates the ranges and trains the quantized network."""
        run, recipe = self.run, self.run.recipe
        calibrated = run.files.calibrated_weights
        if self.distribution.is_chief and not calibrated.exists():
            save_weights(run.rounded_model(run.planes), calibrated)
        self.distribution.wait()
        with self.distribution.strategy.scope():
            model = run.uncalibrated_model(run.planes)
            load_weights(model, calibrated)
            loss = self.quantized_loss()
        score = None
        if integer_score and self.distribution.is_chief:
            score = integer_score(run, self.dev)
        StageLoop(
            model, loss, self.dev, recipe.qat, run.folder, name="qat",
            ranges=lambda: wrap.ranges(model),
            integer_score=score,
            distribution=self.distribution,
            recompute=recipe.recomputes,
            in_order=recipe.has_named_sources,
            estimates=self.estimates,
            separation=self.separation,
            relative_rate=True,
        ).run(self.quantized_batches(), self.resume)
        snap_biases(model)
        self.write(model, run.files.quantized_weights)

    def quantized_loss(self) -> Callable[..., Tensor]:
        """Makes the loss of the quantized stage."""
        recipe = self.run.recipe
        if self.run.method != "fqss":
            return losses.task_loss(recipe)
        is_fixed = recipe.quantization.fixed_batches > 0
        return losses.distillation_loss(recipe, None if is_fixed else self.run.frozen_teacher())

    def quantized_batches(self) -> Callable[[int], Dataset]:
        """Returns the function first_batch -> batches of the quantized stage."""
        run, recipe = self.run, self.run.recipe

        def drawn(first: int) -> Dataset:
            return batches(recipe, recipe.qat, first, seed_offset=2, bad_files=run.bad_files)

        if not recipe.quantization.fixed_batches:
            return drawn
        fixed = FixedBatches(
            run.files.fixed_batches,
            min(recipe.quantization.fixed_batches, recipe.qat.steps * recipe.qat.accumulate),
        )
        if self.distribution.is_chief:
            teacher = run.frozen_teacher() if run.method == "fqss" else None
            fixed.write_missing(
                drawn, teacher and (lambda mixture: self.estimates(teacher, mixture, False))
            )
        self.distribution.wait()
        return fixed.read


def network_to_train(recipe: Recipe) -> KerasModel:
    """Makes the float network of a recipe as its float stage begins to train it."""
    with computing_in(usable(recipe.float.precision)):
        model = build(recipe.model)
    network_of(recipe.model).begin(model, recipe.model)
    return model
