"""Training mixtures: planned by numpy, read and mixed by TensorFlow."""

import os
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from fqss_tf.data.bad_files import BadFilePolicy, found_while_reading
from fqss_tf.data.clips import read_clip
from fqss_tf.data.effects import Rooms, clipped, in_telephone_band
from fqss_tf.data.mixtures import Piece
from fqss_tf.data.plan import ATTEMPTS, MixturePlan, TrainingSources
from fqss_tf.data.reading import guarded, piece_reader
from fqss_tf.errors import FqssError
from fqss_tf.types import FloatArray, IntArray, Tensor

if TYPE_CHECKING:
    from fqss_tf.config import DataRecipe

SILENCE_RMS = 1e-4
# Batches that are read at the same time, each by a pipeline of its own.
LANES = min(4, os.cpu_count() or 1)
PREFETCHED_BATCHES = 8


def training_mixtures(
    material: TrainingSources, data: "DataRecipe", *, sources: int, segment_samples: int,
    batch_size: int, seed: int, bad_files: BadFilePolicy, first_batch: int = 0,
) -> tf.data.Dataset:
    """Makes an endless data set of mixtures.

    Args:
        material: a ``TrainingSources``, see ``fqss_tf.data.training_sources``.
        data: a ``DataRecipe``: rate and options of mixing.
        sources: of each mixture.
        segment_samples: length of a mixture; shorter clips of one speaker are joined.
        batch_size: mixtures per batch.
        seed: batch number n depends on (seed, n) and the files only.
        bad_files: a ``BadFilePolicy`` that hears of files whose samples cannot be decoded.
        first_batch: number of the first batch: resuming at n gives the same batches as an
            uninterrupted run, without reading what is skipped.

    Returns:
        tf.data.Dataset of (mixture float32 [batch_size, T], sources float32 [batch_size, sources,
        T]); mixture = sum of sources, and of noise where that is asked for, unless it is clipped.
        Its peak is 1, or lower by up to ``data.random_gain_db``. A mixture with a silent or broken
        source is drawn again, up to three times; a speaker without sound stays silent.

    Raises:
        FqssError: the material does not suffice; see ``MixturePlan``. Iterating raises what
            ``bad_files_named`` turns into an FqssError.
    """
    rooms = Rooms(data.room_responses, data.sample_rate)
    plan = MixturePlan(
        material, data, sources=sources, segment_samples=segment_samples, batch_size=batch_size,
        seed=seed, rooms=len(rooms),
    )
    # Not one parallel map: calls of it share the readers of tensorflow-io, and return each other's
    # samples (version 0.37). Pipelines with graphs of their own do not.
    lanes = [
        tf.data.Dataset.counter(first_batch + lane, LANES)
        .map(_batch_reader(
            plan, data, rooms, segment_samples, batch_size, sources, bad_files, lane
        ))
        .prefetch(-(-PREFETCHED_BATCHES // LANES))
        for lane in range(LANES)
    ]
    return tf.data.Dataset.choose_from_datasets(lanes, tf.data.Dataset.range(LANES).repeat())


def mix(
    rows: Tensor, *, sources: int, levelled: Tensor, level: Tensor, noise_snr: Tensor, peak: Tensor
) -> tuple[Tensor, Tensor]:
    """Sets the levels of sources and noise and adds them up.

    Args:
        rows: float32 [B, rows, T]; the first ``sources`` of them, then the noise if there is one.
        sources: number of sources S.
        levelled: bool [B], whether the RMS of the sources is set to ``level``.
        level: float32 [B, S], dB.
        noise_snr: float32 [B], dB; NaN for a noise that keeps its level.
        peak: float32 [B], of the mixture.

    Returns:
        mixture [B, T] of that peak, sources [B, S, T] that add up to it but for the noise.
    """
    clean, noise = rows[:, :sources], rows[:, sources:]
    level_gain = 10.0 ** (level / 20) / tf.maximum(rms(clean), SILENCE_RMS)
    clean *= tf.where(levelled[:, tf.newaxis], level_gain, 1.0)[..., tf.newaxis]
    wanted = rms(tf.reduce_sum(clean, axis=1)) * 10.0 ** (-noise_snr / 20)
    noise_gain = wanted[:, tf.newaxis] / tf.maximum(rms(noise), SILENCE_RMS)
    noise *= tf.where(tf.math.is_nan(noise_snr)[:, tf.newaxis], 1.0, noise_gain)[..., tf.newaxis]
    mixture = tf.reduce_sum(clean, axis=1) + tf.reduce_sum(noise, axis=1)
    found = tf.reduce_max(tf.abs(mixture), axis=-1)
    scale = peak / tf.where(found > 0, found, 1.0)
    return mixture * scale[:, tf.newaxis], clean * scale[:, tf.newaxis, tf.newaxis]


def rms(signal: Tensor) -> Tensor:
    """Computes the RMS over the last axis."""
    return tf.sqrt(tf.reduce_mean(tf.square(signal), axis=-1))


def _batch_reader(
    plan: MixturePlan, data: "DataRecipe", rooms: Rooms, segment_samples: int, batch_size: int,
    sources: int, bad_files: BadFilePolicy, lane: int,
) -> Callable[[Tensor], tuple[Tensor, Tensor]]:
    sample_types = sorted({clip.sample_type for clip in plan.clips})
    paths = np.array([clip.path for clip in plan.clips], dtype=object)
    rates = np.array([clip.rate for clip in plan.clips], np.int64)
    type_numbers = np.array([sample_types.index(c.sample_type) for c in plan.clips], np.int32)
    resampling = data.speed_perturbation or bool((rates != data.sample_rate).any())
    read_piece = piece_reader(sample_types, data.sample_rate, resampling)
    places = plan.places[-1] + 1
    attempt_shape = [places, segment_samples]
    batch_shape = [batch_size, *attempt_shape]

    def plan_batch(number: np.int64) -> tuple[NDArray[Any], ...]:
        batch = plan.batch(number)
        return (
            paths[batch.clip], type_numbers[batch.clip], rates[batch.clip], batch.start,
            batch.samples, batch.row_splits, batch.gain, batch.speed, batch.levelled, batch.level,
            batch.noise_snr, batch.peak, batch.room, batch.telephone, batch.clip_level,
        )

    def read_row(
        path: Tensor, type_number: Tensor, rate: Tensor, start: Tensor, samples: Tensor,
        speed: Tensor,
    ) -> Tensor:
        pieces = tf.TensorArray(
            tf.float32, tf.shape(path)[0], element_shape=[None], infer_shape=False
        )
        for i in tf.range(tf.shape(path)[0]):
            tf.autograph.experimental.set_loop_options(parallel_iterations=1)
            pieces = pieces.write(
                i, read_piece(path[i], type_number[i], rate[i], speed, start[i], samples[i])
            )
        joined = tf.zeros([0]) if tf.shape(path)[0] == 0 else pieces.concat()
        return tf.pad(joined, [[0, segment_samples - tf.shape(joined)[0]]])

    @tf.function
    def read_attempt(
        path: Tensor, type_number: Tensor, rate: Tensor, start: Tensor, samples: Tensor,
        splits: Tensor, gain: Tensor, speed: Tensor, levelled: Tensor,
    ) -> Tensor:
        rows = tf.TensorArray(tf.float32, plan.rows, element_shape=[segment_samples])
        for row in tf.range(plan.rows):
            tf.autograph.experimental.set_loop_options(parallel_iterations=1)
            low, high = splits[row], splits[row + 1]
            waveform = read_row(
                path[low:high], type_number[low:high], rate[low:high], start[low:high],
                samples[low:high], speed[row],
            )
            waveform = tf.ensure_shape(waveform, [segment_samples])
            if plan.is_layered:
                # What is added up must not depend on how loud each file happens to be. But a pause
                # stays one, or it would be taken for a voice.
                found = rms(waveform)
                waveform /= tf.where(levelled & (found >= SILENCE_RMS), found, 1.0)
            rows = rows.write(row, gain[row] * waveform)
        if plan.is_layered:
            return tf.ensure_shape(tf.math.segment_sum(rows.stack(), plan.places), attempt_shape)
        return rows.stack()

    def band_limited(
        waveforms: FloatArray, chosen: NDArray[np.bool_]
    ) -> FloatArray:
        return in_telephone_band(waveforms, chosen, data.sample_rate)

    def name_broken(
        path: NDArray[np.object_], start: FloatArray, rate: IntArray, samples: IntArray,
        splits: IntArray, speed: IntArray,
    ) -> FloatArray:
        per_piece = np.repeat(speed, np.diff(splits))
        _report_broken(path, start, rate, samples, per_piece, data.sample_rate, bad_files)
        return np.zeros(attempt_shape, np.float32)

    def read_and_mix(number: Tensor) -> tuple[Tensor, Tensor]:
        # The name of its op is the name of the reader that tensorflow-io keeps.
        with tf.name_scope(f"lane_{lane}"):
            return read_batch(number)

    def read_batch(number: Tensor) -> tuple[Tensor, Tensor]:
        (
            path, type_number, rate, start, samples, row_splits, gain, speed, levelled, level,
            noise_snr, peak, room, telephone, clip_level,
        ) = tf.numpy_function(plan_batch, [number], [
            tf.string, tf.int32, tf.int64, tf.float64, tf.int32, tf.int32, tf.float32, tf.int32,
            tf.bool, tf.float32, tf.float32, tf.float32, tf.int32, tf.bool, tf.float32,
        ])
        items = tf.TensorArray(tf.float32, batch_size, element_shape=attempt_shape)
        for item in tf.range(batch_size):
            tf.autograph.experimental.set_loop_options(parallel_iterations=1)
            waveforms = tf.zeros(attempt_shape)
            attempt = 0
            while attempt < ATTEMPTS and tf.reduce_min(rms(waveforms[:sources])) < SILENCE_RMS:
                tf.autograph.experimental.set_loop_options(parallel_iterations=1)
                row = (item * ATTEMPTS + attempt) * plan.rows
                splits = row_splits[row : row + plan.rows + 1]
                low, high = splits[0], splits[-1]
                splits -= low
                speeds = speed[row : row + plan.rows]
                good, waveforms = guarded(
                    read_attempt,
                    (path[low:high], type_number[low:high], rate[low:high], start[low:high],
                     samples[low:high], splits, gain[row : row + plan.rows], speeds,
                     levelled[item]),
                    tf.zeros(attempt_shape),
                )
                if not good:
                    waveforms = tf.ensure_shape(tf.numpy_function(
                        name_broken,
                        [path[low:high], start[low:high], rate[low:high], samples[low:high],
                         splits, speeds],
                        tf.float32,
                    ), attempt_shape)
                attempt += 1
            items = items.write(item, waveforms)
        waveforms = items.stack()
        if data.room_fraction > 0:
            waveforms = tf.ensure_shape(
                tf.numpy_function(rooms.convolved, [waveforms, room], tf.float32), batch_shape
            )
        if data.telephone_fraction > 0:
            waveforms = tf.ensure_shape(
                tf.numpy_function(band_limited, [waveforms, telephone], tf.float32), batch_shape
            )
        mixture, targets = mix(
            waveforms, sources=sources,
            levelled=tf.ensure_shape(levelled, [batch_size]),
            level=tf.ensure_shape(level, [batch_size, sources]),
            noise_snr=tf.ensure_shape(noise_snr, [batch_size]),
            peak=tf.ensure_shape(peak, [batch_size]),
        )
        return clipped(mixture, targets, tf.ensure_shape(clip_level, [batch_size]))

    return read_and_mix


def _report_broken(
    paths: Iterable[bytes], starts: FloatArray, rates: IntArray, samples: IntArray,
    speeds: IntArray, sample_rate: int, bad_files: BadFilePolicy,
) -> None:
    """Finds the file that could not be read, and says so."""
    lines = []
    for path, start, rate, count, speed in zip(paths, starts, rates, samples, speeds, strict=True):
        first = int(start * rate)
        needed = -(-int(count) * int(rate) * int(speed) // 100 // sample_rate)
        try:
            clip = read_clip(path.decode())
            Piece(clip, first, max(0, min(needed, clip.frames - first))).read()
        except FqssError as error:
            lines.append(str(error))
    names = ", ".join(sorted({path.decode() for path in paths}))
    try:
        for line in lines or [f"{names}: cannot be read by tensorflow-io; write them anew as WAV"]:
            bad_files.report(line)
    except FqssError as error:
        found_while_reading(error)
        raise
