"""How long a step of each stage of a recipe's training takes, in turn."""

from __future__ import annotations

import contextlib
import dataclasses
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np

from fqss_tf.benchmark.memory import forget_peak, peak_bytes
from fqss_tf.benchmark.tables import markdown
from fqss_tf.types import Json, KerasModel, OnProgress, Tensor

if TYPE_CHECKING:
    from fqss_tf.config import Recipe, StageRecipe
    from fqss_tf.runs.untrained import UntrainedRun

WARM_UP = 4  # after fewer, TensorFlow warns that it traces too often
HEADER = (
    "step", "median (ms)", "min (ms)", "s per s of audio", "CPU s per s of audio", "ratio",
    "ratio of CPU", "peak (MB)",
)


@dataclasses.dataclass(frozen=True)
class StepTimes:
    """Times of one kind of step in seconds: of the clock, and of all cores of this process.

    ``audio_seconds``: of the mixtures of one step. ``peak``: largest resident memory of this
    process in a step, bytes, with the networks of all kinds; None where the system does not say.
    """

    name: str
    audio_seconds: float
    wall_seconds: tuple[float, ...]
    cpu_seconds: tuple[float, ...]
    peak: int | None = None

    @property
    def wall_per_audio_second(self) -> float:
        """Seconds of the clock for a second of audio, median over the steps."""
        return statistics.median(self.wall_seconds) / self.audio_seconds

    @property
    def cpu_per_audio_second(self) -> float:
        """Seconds of all cores for a second of audio, median over the steps."""
        return statistics.median(self.cpu_seconds) / self.audio_seconds


def measure_training(
    recipe: Recipe, threads: int, runs: int, progress: OnProgress | None = None
) -> list[StepTimes]:
    """Times training steps on noise in turn (A B C A B C ...), so that other load hits all alike.

    The networks are made as training makes them, and have random weights. Reading is not in the
    times: ``measure_throughput`` has it.

    Args:
        recipe: a ``Recipe``.
        threads: CPU threads. TensorFlow fixes them at its first computation in a process.
        runs: timed steps of each kind, after a few to warm up.
        progress: called as ``progress(done, total)`` after each, if given.

    Returns:
        A StepTimes of the float stage, of the quantized stage with its teacher, and of the
        quantized stage that reads the teacher's estimates.
    """
    import tensorflow as tf

    with contextlib.suppress(RuntimeError):  # TensorFlow has computed before in this process
        tf.config.threading.set_intra_op_parallelism_threads(threads)
        tf.config.threading.set_inter_op_parallelism_threads(threads)
    contenders = _contenders(recipe)
    times: list[list[tuple[float, float]]] = [[] for _ in contenders]
    peaks = [0 for _ in contenders]
    turns = WARM_UP + runs
    for turn in range(turns):
        for number, contender in enumerate(contenders):
            forget_peak()
            wall, cpu = time.perf_counter(), time.process_time()
            contender.step()
            times[number].append((time.perf_counter() - wall, time.process_time() - cpu))
            if turn >= WARM_UP:
                peaks[number] = max(peaks[number], peak_bytes() or 0)
            if progress is not None:
                progress(turn * len(contenders) + number + 1, turns * len(contenders))
    return [
        StepTimes(
            contender.name,
            contender.audio_seconds,
            tuple(wall for wall, _ in own[WARM_UP:]),
            tuple(cpu for _, cpu in own[WARM_UP:]),
            peak or None,
        )
        for contender, own, peak in zip(contenders, times, peaks, strict=True)
    ]


def training_table(times: Sequence[StepTimes]) -> Iterator[str]:
    """Gives the lines of a table of StepTimes; ratios are per second of audio, to the first."""
    rows = [
        (
            one.name,
            f"{1000 * statistics.median(one.wall_seconds):.0f}",
            f"{1000 * min(one.wall_seconds):.0f}",
            f"{one.wall_per_audio_second:.4f}",
            f"{one.cpu_per_audio_second:.4f}",
            f"{one.wall_per_audio_second / times[0].wall_per_audio_second:.2f}",
            f"{one.cpu_per_audio_second / times[0].cpu_per_audio_second:.2f}",
            "" if one.peak is None else f"{one.peak / 1e6:.0f}",
        )
        for one in times
    ]
    return markdown(HEADER, rows)


def training_dict(one: StepTimes, first: StepTimes) -> Json:
    """Gives a StepTimes as plain values, for JSON; ratios are to ``first``."""
    return {
        "step": one.name,
        "audio_seconds": one.audio_seconds,
        "median_ms": 1000 * statistics.median(one.wall_seconds),
        "min_ms": 1000 * min(one.wall_seconds),
        "seconds_per_audio_second": one.wall_per_audio_second,
        "cpu_seconds_per_audio_second": one.cpu_per_audio_second,
        "ratio": one.wall_per_audio_second / first.wall_per_audio_second,
        "cpu_ratio": one.cpu_per_audio_second / first.cpu_per_audio_second,
        "peak_bytes": one.peak,
    }


@dataclasses.dataclass(frozen=True)
class _Contender:
    name: str
    audio_seconds: float
    step: Callable[[], object]


def _contenders(recipe: Recipe) -> list[_Contender]:
    from fqss_tf.runs.untrained import UntrainedRun
    from fqss_tf.training import losses
    from fqss_tf.training.stages import network_to_train

    run = UntrainedRun(recipe)
    quantized, teacher = run.rounded_model(run.planes), run.frozen_teacher()
    return [
        _contender(
            f"float, {recipe.float.precision}", run, recipe.float,
            network_to_train(recipe), losses.task_loss(recipe),
        ),
        _contender(
            "quantized, teacher computes", run, recipe.qat, quantized,
            losses.distillation_loss(recipe, teacher), is_quantized=True,
        ),
        _contender(
            "quantized, teacher read", run, recipe.qat, quantized,
            losses.distillation_loss(recipe), teacher, is_quantized=True,
        ),
    ]


def _contender(
    name: str,
    run: UntrainedRun,
    stage: StageRecipe,
    model: KerasModel,
    loss: Callable[..., Tensor],
    teacher: KerasModel | None = None,
    is_quantized: bool = False,
) -> _Contender:
    """Steps of ``stage`` on one noise batch, with the estimates that ``teacher`` has made of it."""
    import tensorflow as tf

    from fqss_tf.models.registry import network_of
    from fqss_tf.training.loop import optimizer_for
    from fqss_tf.training.training_step import TrainingStep

    def estimates(model: Callable[..., Tensor], mixtures: Tensor, training: bool) -> Tensor:
        return network_of(run.config).estimates(model, mixtures, run.config, training)

    samples = run.recipe.segment()
    sources = np.random.default_rng(0).normal(
        0, 0.1, (stage.batch_size, run.config.sources, samples)
    ).astype(np.float32)
    batch = [tf.constant(sources.sum(axis=1)), tf.constant(sources)]
    if teacher is not None:
        batch.append(estimates(teacher, batch[0], False))
    optimizer = optimizer_for(model, stage, relative_rate=is_quantized)
    step = TrainingStep(
        model, loss, optimizer, stage, tf.distribute.get_strategy(),
        is_quantized and run.recipe.recomputes, estimates,
    )
    return _Contender(
        name,
        stage.accumulate * stage.batch_size * samples / run.recipe.data.sample_rate,
        lambda: step([batch] * stage.accumulate),
    )
