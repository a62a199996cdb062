"""The one training loop: float training, observing and quantisation-aware training all run it."""

import csv
import functools
import math
import signal
import time
from pathlib import Path

import click
import numpy as np
import tensorflow as tf
import tf_keras as keras

from fqss_tf.errors import FqssError
from fqss_tf.files import atomic_path
from fqss_tf.metrics import pit_si_sdr
from fqss_tf.models.compiled import separation_function

SCHEDULES = ("constant", "cosine", "plateau")


class Plateau:
    """Halves the learning rate after ``patience`` evaluations without improvement."""

    def __init__(self, patience):
        self.patience = patience
        self.factor = tf.Variable(1.0, trainable=False)
        self.waited = tf.Variable(0, trainable=False)

    def report(self, improved):
        self.waited.assign(0 if improved else self.waited + 1)
        if self.waited > self.patience:
            self.factor.assign(self.factor / 2)
            self.waited.assign(0)


def fit(model, loss, batches, dev_mixtures, stage, folder, *, name, resume=False, ranges=None):
    """Trains ``model`` in place and leaves the weights that were best on the dev set in it.

    Args:
        model: Keras model, mixture [B, 1, T, 1] -> estimates [B, S, T, 1].
        loss: function (mixture [B, T], estimates [B, S, T], sources [B, S, T]) -> scalar.
        batches: function first_batch -> tf.data.Dataset of (mixture, sources).
        dev_mixtures: list of (mixture [T], sources [S, T]); their mean SI-SDR chooses the best.
        stage: a StageRecipe.
        folder: gets ``checkpoints/<name>``, ``best_<name>.npz``, log.csv and tensorboard/.
        name: of the stage, for files and the progress bar.
        resume: continue from the last checkpoint in ``folder`` if there is one.
        ranges: function without arguments that gives (minimum, maximum) of quantisers by name, for
            TensorBoard; None for a float model.

    Returns:
        Best mean SI-SDR on the dev set, dB.

    Raises:
        FqssError: the loss is not finite many times in a row; unknown schedule.
    """
    if stage.schedule not in SCHEDULES:
        raise FqssError(f"schedule {stage.schedule!r} is unknown: use one of {SCHEDULES}")
    folder = Path(folder)
    optimizer = keras.optimizers.Adam(stage.learning_rate)
    optimizer.build(model.trainable_variables)
    step = tf.Variable(0, dtype=tf.int64, trainable=False)
    best = tf.Variable(-math.inf, trainable=False)
    plateau = Plateau(stage.patience)
    checkpoint = tf.train.Checkpoint(
        model=model, optimizer=optimizer, step=step, best=best,
        plateau_factor=plateau.factor, plateau_waited=plateau.waited,
    )
    manager = tf.train.CheckpointManager(checkpoint, folder / "checkpoints" / name, max_to_keep=1)
    if resume and manager.latest_checkpoint:
        checkpoint.restore(manager.latest_checkpoint).expect_partial()

    @functools.partial(tf.function, autograph=False)
    def train_step(mixture, sources):
        with tf.GradientTape() as tape:
            estimates = model(mixture[:, None, :, None], training=True)[..., 0]
            value = loss(mixture, estimates, sources)
        gradients = tape.gradient(value, model.trainable_variables)
        gradients, norm = tf.clip_by_global_norm(gradients, stage.clip_norm)

        def update():
            optimizer.apply_gradients(zip(gradients, model.trainable_variables, strict=True))

        tf.cond(tf.math.is_finite(norm), update, lambda: None)
        return value, norm

    separate = separation_function(model)
    best_weights = folder / f"best_{name}.npz"
    log = _CsvLog(folder / "log.csv", ("stage", "step", "loss", "dev_si_sdr", "learning_rate",
                                      "seconds"))
    if int(step) == 0:
        # Training must not end worse than it began, which matters where it begins well: in QAT.
        best.assign(mean_si_sdr(separate, dev_mixtures))
        save_weights(model, best_weights)
        log.write(name, 0, "", float(best), stage.learning_rate, 0.0)
    start = float(best) if int(step) == 0 else None  # not known to a resumed run
    writer = tf.summary.create_file_writer(str(folder / "tensorboard" / name))
    started, losses, failures = time.monotonic(), [], 0
    interrupted = _Interrupt()
    with (
        interrupted,
        click.progressbar(length=stage.steps, label=f"{name:8s}", item_show_func=lambda text: text,
                          show_pos=True) as bar,
    ):
        bar.update(int(step))
        for mixture, sources in batches(int(step)):
            if int(step) >= stage.steps:
                break
            rate = stage.learning_rate * float(plateau.factor)
            if stage.schedule == "cosine":
                rate *= 0.5 * (1 + math.cos(math.pi * int(step) / stage.steps))
            optimizer.learning_rate.assign(rate)
            value, norm = train_step(mixture, sources)
            step.assign_add(1)
            failures = 0 if np.isfinite(norm) else failures + 1
            if failures >= 20:
                raise FqssError(f"{name}: the loss was not finite {failures} times in a row; "
                                f"lower {name}.learning_rate")
            losses.append(float(value))
            bar.update(1, f"loss {np.nanmean(losses[-50:]):.2f}  dev {float(best):.2f} dB")
            last = int(step) == stage.steps
            if int(step) % stage.evaluate_every == 0 or last:
                score = mean_si_sdr(separate, dev_mixtures)
                improved = score > float(best)
                if improved:
                    best.assign(score)
                    save_weights(model, best_weights)
                if stage.schedule == "plateau":
                    plateau.report(improved)
                manager.save()
                log.write(name, int(step), np.nanmean(losses), score, rate,
                          time.monotonic() - started)
                with writer.as_default(step=int(step)):
                    tf.summary.scalar("loss", np.nanmean(losses))
                    tf.summary.scalar("dev_si_sdr", score)
                    tf.summary.scalar("learning_rate", rate)
                    for tensor, (low, high) in (ranges() if ranges else {}).items():
                        tf.summary.scalar(f"minimum/{tensor}", low)
                        tf.summary.scalar(f"maximum/{tensor}", high)
                losses = []
            if interrupted.happened:
                manager.save()
                raise KeyboardInterrupt
    load_weights(model, best_weights)
    if float(best) == start:
        click.echo(f"{name}: no better than its start ({start:.2f} dB on dev), which is kept",
                   err=True)
    return float(best)


def mean_si_sdr(separate, mixtures):
    """Mean SI-SDR in dB over (mixture [T], sources [S, T]) pairs.

    Args:
        separate: function mixture [T] -> estimates [S, T], as ``separation_function`` gives it.
        mixtures: the pairs; each length is traced once.
    """
    scores = []
    for mixture, sources in mixtures:
        gain = 1 / max(np.abs(mixture).max(), 1e-8)
        scores.append(pit_si_sdr(separate(mixture * gain), sources)[0].mean())
    return float(np.mean(scores))


def save_weights(model, path):
    """All weights of a Keras model as ``.npz``, one entry per variable, ``layer/variable``."""
    with atomic_path(path) as temporary:
        np.savez(temporary, **_named_variables(model, lambda variable: variable.numpy()))


def load_weights(model, path):
    """Sets all weights of a model from ``save_weights``' file.

    Raises:
        FqssError: the file is broken or is of another network; the first misfit is named.
    """
    try:
        with np.load(path, allow_pickle=False) as stored:
            values = {key: stored[key] for key in stored.files}
    except Exception as error:  # numpy raises a different kind for every way a zip can be broken
        raise FqssError(f"cannot read weights {path}: {error}") from error
    for key, variable in _named_variables(model, lambda variable: variable).items():
        if key not in values or values[key].shape != tuple(variable.shape):
            found = values[key].shape if key in values else "missing"
            raise FqssError(
                f"{path} is of another network: {key} is {found}, expected {tuple(variable.shape)}"
            )
        variable.assign(values[key])


def _named_variables(model, value_of):
    named = {}
    for layer in model.layers:
        for variable in layer.weights:
            key = f"{layer.name}/{variable.name.split('/')[-1].split(':')[0]}"
            if key in named:
                raise ValueError(f"two variables are called {key}")
            named[key] = value_of(variable)
    return named


class _CsvLog:
    def __init__(self, path, columns):
        self.path = path
        if not path.exists():
            with path.open("w", newline="") as file:
                csv.writer(file).writerow(columns)

    def write(self, *values):
        row = [f"{value:.6g}" if isinstance(value, float) else value for value in values]
        with self.path.open("a", newline="") as file:
            csv.writer(file).writerow(row)


class _Interrupt:
    """Ctrl-C or a polite kill ends the step that runs, saves, and then stops the program."""

    def __enter__(self):
        self.happened = False
        self.previous = {
            number: signal.signal(number, self._note) for number in (signal.SIGINT, signal.SIGTERM)
        }

    def _note(self, number, frame):
        self.happened = True

    def __exit__(self, *_):
        for number, handler in self.previous.items():
            signal.signal(number, handler)
