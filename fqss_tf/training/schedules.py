"""What changes from step to step, from the recipe and from what the dev set said so far."""

import math

from fqss_tf.config import StageRecipe
from fqss_tf.training.checkpoints import Progress

PLATEAU_FACTOR = 0.5


def learning_rate(stage: StageRecipe, step: int, plateau_factor: float) -> float:
    """Returns the rate for ``step`` (0 is the first) of a StageRecipe.

    ``plateau_factor`` is what :func:`after_evaluation` made of the rate so far; it stays 1 under
    every other schedule.
    """
    rate = stage.learning_rate * plateau_factor
    if stage.schedule == "cosine":
        return rate * 0.5 * (1 + math.cos(math.pi * step / stage.steps))
    if stage.schedule == "step":
        return rate * stage.decay_factor ** (step // stage.decay_every)
    return rate


def has_frozen_statistics(stage: StageRecipe, step: int) -> bool:
    """Returns whether batch norms use their running statistics in ``step`` (0 is the first)."""
    return step >= stage.steps * (1 - stage.frozen_statistics_share)


def after_evaluation(stage: StageRecipe, progress: Progress, improved: bool) -> None:
    """Notes an evaluation on the dev set in a Progress: for ``plateau`` and for the early stop."""
    progress.evaluations_without_gain = 0 if improved else progress.evaluations_without_gain + 1
    if stage.schedule != "plateau":
        return
    progress.plateau_waited = 0 if improved else progress.plateau_waited + 1
    if progress.plateau_waited > stage.patience:
        progress.plateau_factor *= PLATEAU_FACTOR
        progress.plateau_waited = 0


def is_over(stage: StageRecipe, progress: Progress) -> bool:
    """Returns whether the stage has made its steps, or the dev set has asked for an early stop."""
    waited = progress.evaluations_without_gain
    return progress.step >= stage.steps or bool(stage.early_stop and waited >= stage.early_stop)
