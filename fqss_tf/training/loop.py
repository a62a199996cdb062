"""The one training loop: float training and quantization-aware training both run it."""

import contextlib
import itertools
import logging
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np

from fqss_tf.config import StageRecipe
from fqss_tf.errors import FqssError
from fqss_tf.files import remove_leftovers
from fqss_tf.metrics import assigned_si_sdr
from fqss_tf.models.inference import separation_function
from fqss_tf.progress import Bar, bar
from fqss_tf.training import schedules
from fqss_tf.training.adam import FusedAdam
from fqss_tf.training.checkpoints import Checkpoint, Progress
from fqss_tf.training.distribution import Distribution
from fqss_tf.training.interrupt import Interrupt
from fqss_tf.training.log import CsvLog, Evaluation, TensorBoard
from fqss_tf.training.training_step import TrainingStep
from fqss_tf.training.weights import (
    assign_arrays,
    named_variables,
    weights_of,
    write_arrays,
)
from fqss_tf.types import (
    Arrays,
    Dataset,
    KerasModel,
    MixturePair,
    Optimizer,
    PathLike,
    ScoreWeights,
    Separate,
    Tensor,
)

logger = logging.getLogger(__name__)


def fit(
    model: KerasModel,
    loss: Callable[..., Tensor],
    batches: Callable[[int], Dataset],
    dev_mixtures: Sequence[MixturePair],
    stage: StageRecipe,
    folder: PathLike,
    *,
    name: str,
    resume: bool = False,
    ranges: Callable[[], dict[str, tuple[float, float]]] | None = None,
    integer_score: ScoreWeights | None = None,
    distribution: Distribution | None = None,
    recompute: bool = False,
    in_order: bool = False,
) -> float:
    """Trains ``model`` in place and leaves the weights that were best on the dev set in it.

    A stage that was killed at any moment and is resumed makes the same steps, and leaves the same
    log, as one that was not.

    Args:
        model: Keras model, mixture [B, 1, T, 1] -> estimates [B, S, T, 1], made under the strategy
            of ``distribution``.
        loss: function (mixture [B, T], estimates [B, S, T], *targets) -> scalar.
        batches: function first_batch -> tf.data.Dataset of (mixture, *targets); the first target
            are the sources [B, S, T].
        dev_mixtures: list of (mixture [T], sources [S, T]); their mean SI-SDR chooses the best.
        stage: a StageRecipe.
        folder: gets ``checkpoints/<name>.npz``, ``best_<name>.npz``, log.csv and tensorboard/.
        name: of the stage, for files and the progress bar.
        resume: continue from the last checkpoint in ``folder`` if there is one.
        ranges: function without arguments that gives (minimum, maximum) of quantizers by name, for
            TensorBoard; None for a float model.
        integer_score: function of the weights as a list of arrays that gives (mean SI-SDR of the
            integer model on the dev set in dB, that minus the simulation's); None leaves it out.
        distribution: a Distribution; None trains in this process on one device.
        recompute: as of ``TrainingStep``.
        in_order: as of ``assigned_si_sdr``, for the scores on the dev set.

    Returns:
        Best mean SI-SDR on the dev set, dB.

    Raises:
        FqssError: ``stage.skip_limit`` steps in a row were skipped; a checkpoint of another
            network.
    """
    stage_run = _StageRun(
        model, loss, dev_mixtures, stage, Path(folder), name, ranges, integer_score,
        distribution or Distribution(), recompute, in_order,
    )
    stage_run.begin(resume)
    stage_run.train(batches)
    return stage_run.finish()


class _StageRun:
    def __init__(
        self,
        model: KerasModel,
        loss: Callable[..., Tensor],
        dev_mixtures: Sequence[MixturePair],
        stage: StageRecipe,
        folder: Path,
        name: str,
        ranges: Callable[[], dict[str, tuple[float, float]]] | None,
        integer_score: ScoreWeights | None,
        distribution: Distribution,
        recompute: bool,
        in_order: bool,
    ) -> None:
        self.model = model
        self.stage = stage
        self.name = name
        self.ranges = ranges
        self.in_order = in_order
        self.integer_score = integer_score
        self.distribution = distribution
        self.dev_mixtures = distribution.share(dev_mixtures)
        with distribution.strategy.scope():
            self.optimizer = optimizer_for(model, stage)
        self.train_step = TrainingStep(
            model, loss, self.optimizer, stage, distribution.strategy, recompute
        )
        self.separate = separation_function(distribution.on_first_replica(model))
        self.checkpoint = Checkpoint(
            folder / "checkpoints" / f"{name}.npz", model, self.optimizer
        )
        self.best_path = folder / f"best_{name}.npz"
        self.progress = Progress()
        self.best_weights: Arrays = {}
        if distribution.is_chief:
            folder.mkdir(parents=True, exist_ok=True)
            self.log = CsvLog(folder / "log.csv")
            self.tensorboard = TensorBoard(folder / "tensorboard" / name)

    def begin(self, resume: bool) -> None:
        """Restores the last checkpoint, or scores the start and makes the first one."""
        found = resume and self.checkpoint.path.exists()
        if found:
            self.progress, self.best_weights = self.checkpoint.restore()
        if self.distribution.is_chief:
            self.log.rewind(self.name, self.progress.step if found else -1)
            remove_leftovers(self.best_path)
            if found:
                write_arrays(self.best_weights, self.best_path)
        if not found:
            # Training must not end worse than it began, which matters where it begins well: in QAT.
            self.evaluate(self.stage.learning_rate)

    def train(self, batches: Callable[[int], Dataset]) -> None:
        """Makes the steps that are left."""
        progress, stage = self.progress, self.stage
        data = iter(self.distribution.distribute(batches(progress.step * stage.accumulate)))
        started = time.monotonic() - progress.seconds
        with Interrupt() as interrupt, self.progress_bar() as shown:
            shown.update(progress.step)
            while not schedules.is_over(stage, progress):
                rate = schedules.learning_rate(stage, progress.step, progress.plateau_factor)
                self.optimizer.learning_rate.assign(rate)
                value, updated = self.train_step(
                    itertools.islice(data, stage.accumulate),
                    schedules.has_frozen_statistics(stage, progress.step),
                )
                self.count(value, updated)
                progress.seconds = time.monotonic() - started
                shown.update(1, f"loss {self.mean_loss or 0:.2f}  dev {progress.best:.2f} dB")
                if progress.step % stage.evaluate_every == 0 or progress.step == stage.steps:
                    self.evaluate(rate)
                if interrupt.happened:
                    if self.distribution.workers == 1:
                        self.save()  # several workers do this together, and the others go on
                    raise KeyboardInterrupt

    def progress_bar(self) -> contextlib.AbstractContextManager[Bar]:
        """Makes the bar of the steps, which is hidden on all workers but the chief."""
        return bar(self.name, self.stage.steps, hidden=not self.distribution.is_chief)

    def count(self, value: float, updated: bool) -> None:
        """Notes a step and its loss; ends the training when too many were skipped."""
        progress = self.progress
        progress.step += 1
        if updated:
            progress.loss_sum += value
            progress.loss_count += 1
            progress.skipped_in_a_row = 0
            return
        progress.skipped += 1
        progress.skipped_in_a_row += 1
        if progress.skipped_in_a_row >= self.stage.skip_limit:
            raise FqssError(
                f"{self.name}: skipped {progress.skipped_in_a_row} steps in a row, because "
                f"{self.why_skipped}; lower {self.name}.learning_rate"
            )

    @property
    def why_skipped(self) -> str:
        """The reason for which steps are skipped, for people."""
        limit = self.stage.skip_above_norm
        return "the loss was not finite" + (f" or its gradient above {limit:g}" if limit else "")

    @property
    def mean_loss(self) -> float | None:
        """Over the updates since the last evaluation; None without any."""
        progress = self.progress
        return progress.loss_sum / progress.loss_count if progress.loss_count else None

    def evaluate(self, rate: float) -> None:
        """Scores the dev set, keeps the weights if they are the best so far, logs and saves."""
        progress = self.progress
        with averaged_weights(self.model, self.optimizer):
            score = self.distribution.mean(
                si_sdr_scores(self.separate, self.dev_mixtures, self.in_order)
            )
            improved = score > progress.best
            if improved:
                progress.best, progress.best_step = score, progress.step
            if improved or not self.best_weights:
                self.best_weights = weights_of(self.model)
            ranges = self.ranges() if self.ranges else {}
            weights = self.model.get_weights() if self.integer_score else []
        if progress.step > 0:
            schedules.after_evaluation(self.stage, progress, improved)
        if self.distribution.is_chief:
            integer = self.integer_score(weights) if self.integer_score else ()
            evaluation = Evaluation(
                self.name, progress.step, self.mean_loss, score, rate, progress.seconds,
                progress.skipped, *integer,
            )
            self.log.write(evaluation)
            self.tensorboard.write(evaluation, ranges)
        progress.loss_sum, progress.loss_count = 0.0, 0
        self.save()
        if self.distribution.is_chief and improved:
            write_arrays(self.best_weights, self.best_path)

    def save(self) -> None:
        """Writes the checkpoint; all workers must ask for it."""
        arrays = self.checkpoint.arrays(self.progress, self.best_weights)
        if self.distribution.is_chief:
            self.checkpoint.save(arrays)

    def finish(self) -> float:
        """Puts the best weights into the model and says what is worth saying."""
        assign_arrays(named_variables(self.model), self.best_weights, self.best_path)
        progress = self.progress
        if self.distribution.is_chief:
            if progress.skipped:
                logger.warning(
                    "%s: skipped %d of %d steps, because %s",
                    self.name, progress.skipped, progress.step, self.why_skipped,
                )
            if progress.step < self.stage.steps:
                logger.info(
                    "%s: stopped at step %d, because %d evaluations were no better than that at "
                    "step %d", self.name, progress.step, progress.evaluations_without_gain,
                    progress.best_step,
                )
            if progress.step and progress.best_step == 0:
                logger.warning(
                    "%s: no better than its start (%.2f dB on dev), which is kept",
                    self.name, progress.best,
                )
        return progress.best


def optimizer_for(model: KerasModel, stage: StageRecipe) -> Optimizer:
    """Makes the optimizer of a stage, with its variables."""
    optimizer = FusedAdam(
        stage.learning_rate, use_ema=stage.ema_decay > 0, ema_momentum=stage.ema_decay
    )
    optimizer.build(model.trainable_variables)
    return optimizer


@contextlib.contextmanager
def averaged_weights(model: KerasModel, optimizer: Optimizer) -> Iterator[None]:
    """Puts the optimizer's moving averages of the weights, if there are any, into the model.

    The statistics of batch norms stay: they are moving averages themselves.
    """
    if not optimizer.use_ema:
        yield
        return
    trained = [variable.numpy() for variable in model.trainable_variables]
    optimizer.finalize_variable_values(model.trainable_variables)
    try:
        yield
    finally:
        for variable, value in zip(model.trainable_variables, trained, strict=True):
            variable.assign(value)


def si_sdr_scores(
    separate: Separate, mixtures: Iterable[MixturePair], in_order: bool = False
) -> list[float]:
    """Returns the mean SI-SDR in dB of each of (mixture [T], sources [S, T]) pairs.

    Args:
        separate: function mixture [T] -> estimates [S, T], as ``separation_function`` gives it.
        mixtures: the pairs; each length is traced once.
        in_order: as of ``assigned_si_sdr``.
    """
    scores = []
    for mixture, sources in mixtures:
        gain = 1 / max(np.abs(mixture).max(), 1e-8)
        estimates = separate(mixture * gain)
        scores.append(float(assigned_si_sdr(estimates, sources, in_order)[0].mean()))
    return scores
