"""The one training loop: float training and quantization-aware training both run it."""

import contextlib
import itertools
import logging
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from fqss_tf.audio.levels import at_peak_1
from fqss_tf.config import StageRecipe
from fqss_tf.errors import FqssError
from fqss_tf.metrics import mean_si_sdr
from fqss_tf.models.inference import estimates_of_samples, separation_function
from fqss_tf.progress import Bar, bar
from fqss_tf.runs.weights import (
    assign_arrays,
    named_variables,
    weights_of,
    write_arrays,
)
from fqss_tf.training import schedules
from fqss_tf.training.adam import FusedAdam, sizes
from fqss_tf.training.checkpoints import Checkpoint, Progress, checkpoint_path
from fqss_tf.training.distribution import Distribution
from fqss_tf.training.interrupt import Interrupt
from fqss_tf.training.log import CsvLog, Evaluation, TensorBoard
from fqss_tf.training.training_step import Estimates, TrainingStep
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


class StageLoop:
    """Trains a model in place and leaves the weights that were best on the dev set in it.

    A stage that was killed at any moment and is resumed makes the same steps, and leaves the same
    log, as one that was not.

    Args:
        model: Keras model, made under the strategy of ``distribution``.
        loss: function (mixture [B, T], estimates [B, S, T], *targets) -> scalar.
        dev_mixtures: list of (mixture [T], sources [S, T]); their mean SI-SDR chooses the best.
        stage: a StageRecipe.
        folder: gets ``checkpoints/<name>.npz``, ``best_<name>.npz``, log.csv and tensorboard/.
        name: of the stage, for files and the progress bar.
        ranges: function without arguments that gives (minimum, maximum) of quantizers by name, for
            TensorBoard; None for a float model.
        integer_score: function of the weights by name that gives (mean SI-SDR of the
            integer model on the dev set in dB, that minus the simulation's); None leaves it out.
        distribution: a Distribution; None trains in this process on one device.
        recompute: as of ``TrainingStep``.
        in_order: as of ``assigned_si_sdr``, for the scores on the dev set.
        estimates: as of ``TrainingStep``.
        separation: function of the model that gives what separates dev mixtures.
        relative_rate: the rate is relative to the sizes of the weights, see ``adam.sizes``.
    """

    def __init__(
        self,
        model: KerasModel,
        loss: Callable[..., Tensor],
        dev_mixtures: Sequence[MixturePair],
        stage: StageRecipe,
        folder: PathLike,
        *,
        name: str,
        ranges: Callable[[], dict[str, tuple[float, float]]] | None = None,
        integer_score: ScoreWeights | None = None,
        distribution: Distribution | None = None,
        recompute: bool = False,
        in_order: bool = False,
        estimates: Estimates = estimates_of_samples,
        separation: Callable[[Callable[..., Tensor]], Separate] = separation_function,
        relative_rate: bool = False,
    ) -> None:
        folder, distribution = Path(folder), distribution or Distribution()
        self._model = model
        self._stage = stage
        self._name = name
        self._ranges = ranges
        self._integer_score = integer_score
        self._in_order = in_order
        self._distribution = distribution
        self._dev_mixtures = distribution.share(dev_mixtures)
        with distribution.strategy.scope():
            self._optimizer = optimizer_for(model, stage, relative_rate)
        self._train_step = TrainingStep(
            model, loss, self._optimizer, stage, distribution.strategy, recompute, estimates
        )
        self._separate = separation(distribution.on_first_replica(model))
        self._checkpoint = Checkpoint(checkpoint_path(folder, name), model, self._optimizer)
        self._best_path = folder / f"best_{name}.npz"
        self._progress = Progress()
        self._best_weights: Arrays = {}
        if distribution.is_chief:
            folder.mkdir(parents=True, exist_ok=True)
            self._log = CsvLog(folder / "log.csv")
            self._tensorboard = TensorBoard(folder / "tensorboard" / name)

    def run(self, batches: Callable[[int], Dataset], resume: bool = False) -> float:
        """Makes the steps that are left.

        Args:
            batches: function first_batch -> tf.data.Dataset of (mixture, *targets); the first
                target are the sources [B, S, T].
            resume: continue from the last checkpoint in the folder if there is one.

        Returns:
            Best mean SI-SDR on the dev set, dB.

        Raises:
            FqssError: ``stage.skip_limit`` steps in a row were skipped; a checkpoint of another
                network.
        """
        self._begin(resume)
        self._train(batches)
        return self._finish()

    def _begin(self, resume: bool) -> None:
        """Restores the last checkpoint, or scores the start and makes the first one."""
        found = resume and self._checkpoint.path.exists()
        if found:
            self._progress, self._best_weights = self._checkpoint.restore()
        if self._distribution.is_chief:
            self._log.rewind(self._name, self._progress.step if found else -1)
            if found:
                write_arrays(self._best_weights, self._best_path)
        if not found:
            # Training must not end worse than it began, which matters where it begins well: in QAT.
            self._evaluate(self._stage.learning_rate)

    def _train(self, batches: Callable[[int], Dataset]) -> None:
        """Makes the steps that are left."""
        progress, stage = self._progress, self._stage
        data = iter(self._distribution.distribute(batches(progress.step * stage.accumulate)))
        started = time.monotonic() - progress.seconds
        with self._interrupt() as interrupt, self._progress_bar() as shown:
            shown.update(progress.step)
            while not schedules.is_over(stage, progress):
                rate = schedules.learning_rate(stage, progress.step, progress.plateau_factor)
                self._optimizer.learning_rate.assign(rate)
                value, updated = self._train_step(
                    itertools.islice(data, stage.accumulate),
                    schedules.has_frozen_statistics(stage, progress.step),
                )
                self._count(value, updated)
                progress.seconds = time.monotonic() - started
                shown.update(1, f"loss {self._mean_loss or 0:.2f}  dev {progress.best:.2f} dB")
                if progress.step % stage.evaluate_every == 0 or progress.step == stage.steps:
                    self._evaluate(rate)
                if interrupt.happened:
                    if self._distribution.workers == 1:
                        self._save()  # several workers do this together, and the others go on
                    interrupt.end()

    def _interrupt(self) -> Interrupt:
        """Makes what notes Ctrl-C, and says what comes of it."""
        if self._distribution.workers == 1:
            return Interrupt(f"{self._name}: interrupted, saving after this step")
        return Interrupt(f"{self._name}: interrupted, ending after this step without saving")

    def _progress_bar(self) -> contextlib.AbstractContextManager[Bar]:
        """Makes the bar of the steps, which is hidden on all workers but the chief."""
        return bar(self._name, self._stage.steps, hidden=not self._distribution.is_chief)

    def _count(self, value: float, updated: bool) -> None:
        """Notes a step and its loss; ends the training when too many were skipped."""
        progress = self._progress
        progress.step += 1
        if updated:
            progress.loss_sum += value
            progress.loss_count += 1
            progress.skipped_in_a_row = 0
            return
        progress.skipped += 1
        progress.skipped_in_a_row += 1
        if progress.skipped_in_a_row >= self._stage.skip_limit:
            raise FqssError(
                f"{self._name}: skipped {progress.skipped_in_a_row} steps in a row, because "
                f"{self._why_skipped}; lower {self._name}.learning_rate"
            )

    @property
    def _why_skipped(self) -> str:
        """The reason for which steps are skipped, for people."""
        limit = self._stage.skip_above_norm
        return "the loss was not finite" + (f" or its gradient above {limit:g}" if limit else "")

    @property
    def _mean_loss(self) -> float | None:
        """Over the updates since the last evaluation; None without any."""
        progress = self._progress
        return progress.loss_sum / progress.loss_count if progress.loss_count else None

    def _evaluate(self, rate: float) -> None:
        """Scores the dev set, keeps the weights if they are the best so far, logs and saves."""
        progress = self._progress
        with averaged_weights(self._model, self._optimizer):
            score = self._distribution.mean([
                mean_si_sdr(self._separate(at_peak_1(mixture)), sources, self._in_order)
                for mixture, sources in self._dev_mixtures
            ])
            improved = score > progress.best
            if improved:
                progress.best, progress.best_step = score, progress.step
            if improved or not self._best_weights:
                self._best_weights = weights_of(self._model)
            ranges = self._ranges() if self._ranges else {}
            weights = weights_of(self._model) if self._integer_score else {}
        if progress.step > 0:
            schedules.after_evaluation(self._stage, progress, improved)
        if self._distribution.is_chief:
            integer = self._integer_score(weights) if self._integer_score else ()
            evaluation = Evaluation(
                self._name, progress.step, self._mean_loss, score, rate, progress.seconds,
                progress.skipped, *integer,
            )
            self._log.write(evaluation)
            logger.info(
                "%s: step %d of %d, dev %.2f dB%s%s", self._name, progress.step, self._stage.steps,
                score, "" if self._mean_loss is None else f", loss {self._mean_loss:.2f}",
                ", best so far" if improved else "",
            )
            self._tensorboard.write(evaluation, ranges)
        progress.loss_sum, progress.loss_count = 0.0, 0
        self._save()
        if self._distribution.is_chief and improved:
            write_arrays(self._best_weights, self._best_path)

    def _save(self) -> None:
        """Writes the checkpoint; all workers must ask for it."""
        arrays = self._checkpoint.arrays(self._progress, self._best_weights)
        if self._distribution.is_chief:
            self._checkpoint.save(arrays)

    def _finish(self) -> float:
        """Puts the best weights into the model and says what is worth saying."""
        assign_arrays(named_variables(self._model), self._best_weights, self._best_path)
        progress = self._progress
        if self._distribution.is_chief:
            if progress.skipped:
                logger.warning(
                    "%s: skipped %d of %d steps, because %s",
                    self._name, progress.skipped, progress.step, self._why_skipped,
                )
            if progress.step < self._stage.steps:
                logger.info(
                    "%s: stopped at step %d, because %d evaluations were no better than that at "
                    "step %d", self._name, progress.step, progress.evaluations_without_gain,
                    progress.best_step,
                )
            if progress.step and progress.best_step == 0:
                logger.warning(
                    "%s: no better than its start (%.2f dB on dev), which is kept",
                    self._name, progress.best,
                )
        return progress.best


def optimizer_for(
    model: KerasModel, stage: StageRecipe, relative_rate: bool = False
) -> FusedAdam:
    """Makes the optimizer of a stage, with its variables; arguments as of ``StageLoop``."""
    optimizer = FusedAdam(
        stage.learning_rate, sizes(model.trainable_variables) if relative_rate else None,
        use_ema=stage.ema_decay > 0, ema_momentum=stage.ema_decay,
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
