"""Two-speaker mixtures made on the fly: planned by numpy, read and mixed by TensorFlow."""

import functools

import tensorflow as tf
import tensorflow_io as tfio

from fqss_tf.data.folders import scan_speakers
from fqss_tf.data.plan import ATTEMPTS, MixturePlan

SILENCE_RMS = 1e-4
# tfio.audio.resample delays its output by half of its filter: 32 samples of the lower rate.
# Taking that back is exact to half a sample, which mixing does not mind: mixture and source agree.
RESAMPLER_DELAY = 32


def training_mixtures(
    roots, *, sample_rate, segment_seconds, batch_size, max_level_difference_db, seed,
    wide_fraction=0.5, first_batch=0,
):
    """An endless data set of mixtures of two speakers from ``<root>/train/<speaker>/``.

    Args:
        roots: a data set folder or a list of them.
        sample_rate: of the mixtures, Hz; files of another rate are resampled.
        segment_seconds: length of a mixture; shorter clips of one speaker are joined.
        batch_size: mixtures per batch.
        max_level_difference_db: the ``wide_fraction`` of the mixtures have a level difference
            uniform within +- this, the others within +-5 dB (RMS over the segment).
        seed: batch number n depends on (seed, n) and the files only.
        first_batch: number of the first batch: resuming at n gives the same batches as an
            uninterrupted run, without reading what is skipped.

    Returns:
        tf.data.Dataset of (mixture float32 [batch_size, T], sources float32 [batch_size, 2, T]);
        mixture = sum of sources, its peak is 1. A source that is drawn silent is drawn again, up to
        three times; a speaker without sound stays silent.

    Raises:
        FqssError: the folders are not as expected; see ``scan_speakers``.
    """
    segment_samples = round(segment_seconds * sample_rate)
    plan = MixturePlan(
        scan_speakers(roots, "train"),
        sample_rate=sample_rate,
        segment_samples=segment_samples,
        batch_size=batch_size,
        max_level_difference_db=max_level_difference_db,
        seed=seed,
        wide_fraction=wide_fraction,
    )
    read_pieces = _piece_reader(plan.clips, sample_rate)

    def plan_batch(number):
        batch = plan.batch(number)
        return batch.clip, batch.start, batch.samples, batch.row_splits, batch.level_difference

    def read_and_mix(number):
        clip, start, samples, row_splits, level_difference = tf.numpy_function(
            plan_batch, [number], [tf.int32, tf.float64, tf.int32, tf.int32, tf.float32]
        )
        rows = 2 * batch_size
        segments = tf.TensorArray(tf.float32, rows, element_shape=[segment_samples])
        for row in tf.range(rows):
            tf.autograph.experimental.set_loop_options(parallel_iterations=1)
            segment = tf.zeros([segment_samples])
            attempt = 0
            while attempt < ATTEMPTS and _rms(segment) < SILENCE_RMS:
                tf.autograph.experimental.set_loop_options(parallel_iterations=1)
                first = row_splits[row * ATTEMPTS + attempt]
                last = row_splits[row * ATTEMPTS + attempt + 1]
                joined = read_pieces(clip[first:last], start[first:last], samples[first:last])
                segment = tf.ensure_shape(joined, [segment_samples])
                attempt += 1
            segments = segments.write(row, segment)
        sources = tf.reshape(segments.stack(), [batch_size, 2, segment_samples])
        return mix(sources, tf.ensure_shape(level_difference, [batch_size]))

    # Not parallel: the readers of tensorflow-io are shared between parallel calls of one map,
    # which then return each other's samples (version 0.37). Prefetching runs beside the training.
    numbers = tf.data.Dataset.counter(first_batch)
    return numbers.map(read_and_mix).prefetch(8)


def mix(sources, level_difference):
    """Sets the levels of sources [B, 2, T] and adds them up.

    Args:
        sources: float32 [B, 2, T] at any level.
        level_difference: float32 [B], RMS of source 1 over source 2, dB.

    Returns:
        mixture [B, T] with peak 1, sources [B, 2, T] that add up to it.
    """
    level_db = tf.stack([level_difference / 2, -level_difference / 2], axis=1)
    gain = 10.0 ** (level_db / 20) / tf.maximum(_rms(sources), SILENCE_RMS)
    sources = sources * gain[..., tf.newaxis]
    peak = tf.reduce_max(tf.abs(tf.reduce_sum(sources, axis=1)), axis=-1)
    sources = sources / tf.where(peak > 0, peak, 1.0)[:, tf.newaxis, tf.newaxis]
    return tf.reduce_sum(sources, axis=1), sources


def _rms(signal):
    return tf.sqrt(tf.reduce_mean(tf.square(signal), axis=-1))


def _piece_reader(clips, sample_rate):
    paths = tf.constant([clip.path for clip in clips])
    rates = tf.constant([clip.rate for clip in clips], tf.int64)
    sample_types = sorted({clip.sample_type for clip in clips})
    type_numbers = tf.constant([sample_types.index(clip.sample_type) for clip in clips])
    resampling = any(clip.rate != sample_rate for clip in clips)

    def read_piece(clip, start, samples):
        rate = rates[clip]
        first = tf.cast(start * tf.cast(rate, tf.float64), tf.int64)
        count = -(-tf.cast(samples, tf.int64) * rate // sample_rate)
        readers = [
            functools.partial(_read_file, paths[clip], first, count, sample_type)
            for sample_type in sample_types
        ]
        waveform = tf.switch_case(type_numbers[clip], readers)
        if resampling:
            waveform = tf.cond(
                tf.equal(rate, sample_rate),
                lambda: waveform,
                lambda: _resample(waveform, rate, sample_rate),
            )
        # Headers of compressed files may promise a few samples more than there are.
        missing = tf.maximum(0, samples - tf.shape(waveform)[0])
        return tf.pad(waveform[:samples], [[0, missing]])

    def read_pieces(clip, start, samples):
        pieces = tf.TensorArray(
            tf.float32, tf.shape(clip)[0], element_shape=[None], infer_shape=False
        )
        for i in tf.range(tf.shape(clip)[0]):
            tf.autograph.experimental.set_loop_options(parallel_iterations=1)
            pieces = pieces.write(i, read_piece(clip[i], start[i], samples[i]))
        return pieces.concat()

    return read_pieces


def _read_file(path, first, count, sample_type):
    """Frames [first, first + count) as float32 [count] in [-1, 1), channels averaged."""
    dtype = tf.float32 if sample_type == "int32_as_float32" else tf.as_dtype(sample_type)
    frames = tfio.audio.AudioIOTensor(path, dtype=dtype)[first : first + count]
    if sample_type == "int32_as_float32":
        # tensorflow-io takes 32-bit integer WAV for float: the bytes are right, the type is not.
        frames = tf.bitcast(frames, tf.int32)
    if sample_type == "uint8":
        frames = (tf.cast(frames, tf.float32) - 128) / 128
    elif sample_type != "float32":
        full_scale = 2.0**15 if sample_type == "int16" else 2.0**31
        frames = tf.cast(frames, tf.float32) / full_scale
    return tf.reduce_mean(frames, axis=1)


def _resample(waveform, rate, sample_rate):
    ratio = tf.cast(sample_rate, tf.float64) / tf.cast(rate, tf.float64)
    delay_in = tf.cast(tf.math.ceil(RESAMPLER_DELAY / tf.minimum(ratio, 1.0)), tf.int32)
    delay_out = tf.cast(tf.round(RESAMPLER_DELAY * tf.maximum(ratio, 1.0)), tf.int32)
    padded = tf.pad(waveform, [[0, delay_in]])
    resampled = tfio.audio.resample(padded[:, tf.newaxis], rate, sample_rate)
    return resampled[delay_out:, 0]
