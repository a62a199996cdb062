"""Pieces of audio files as tensors: read lazily by tensorflow-io, resampled, guarded."""

import functools
from collections.abc import Callable, Sequence

import numpy as np
import tensorflow as tf
import tensorflow_io as tfio
from tensorflow_io.python.ops import core_ops

from fqss_tf.audio.reader import read_span
from fqss_tf.data.clips import MENDED
from fqss_tf.types import Tensor, Waveform

# tfio.audio.resample delays its output by half of its filter: 32 samples of the lower rate.
# Taking that back is exact to half a sample, which mixing does not mind: mixture and source agree.
RESAMPLER_DELAY = 32


def piece_reader(
    sample_types: Sequence[str], sample_rate: int, resampling: bool
) -> Callable[[Tensor, Tensor, Tensor, Tensor, Tensor, Tensor], Tensor]:
    """Makes a function that reads one piece.

    Args:
        sample_types: list of all that occur; the function is told the number of one.
        sample_rate: of what it returns, Hz.
        resampling: whether any piece has another rate.

    Returns:
        Function (path, number of the sample type, rate in Hz, speed in per cent, start in s,
        samples at ``sample_rate``) -> float32 [samples], channels averaged, filled up with zeros
        where the file ends early.
    """

    def read_piece(
        path: Tensor, type_number: Tensor, rate: Tensor, speed: Tensor, start: Tensor,
        samples: Tensor,
    ) -> Tensor:
        played_rate = rate * tf.cast(speed, tf.int64) // 100
        first = tf.cast(start * tf.cast(rate, tf.float64), tf.int64)
        count = -(-tf.cast(samples, tf.int64) * played_rate // sample_rate)
        readers = [functools.partial(_read_file, path, first, count, kind) for kind in sample_types]
        waveform = tf.switch_case(type_number, readers)
        if resampling:
            waveform = tf.cond(
                tf.equal(played_rate, sample_rate),
                lambda: waveform,
                lambda: _resample(waveform, played_rate, sample_rate),
            )
        # Headers of compressed files may promise a few samples more than there are.
        missing = tf.maximum(0, samples - tf.shape(waveform)[0])
        return tf.pad(waveform[:samples], [[0, missing]])

    return read_piece


def guarded(
    function: Callable[..., Tensor], arguments: Sequence[Tensor], otherwise: Tensor
) -> tuple[Tensor, Tensor]:
    """Returns (True, ``function(*arguments)``), or (False, ``otherwise``) where that fails.

    TensorFlow graphs have no ``try``; a data set that ignores errors is one. It costs under a
    millisecond.

    Args:
        function: of tensors, returning one tensor.
        arguments: tensors.
        otherwise: tensor of the shape and type that ``function`` returns.
    """

    def succeed(*tensors: Tensor) -> tuple[bool, Tensor]:
        return True, function(*tensors)

    attempt = tf.data.Dataset.from_tensors(tuple(arguments)).map(succeed).ignore_errors()
    failure = tf.data.Dataset.from_tensors((False, otherwise))
    return attempt.concatenate(failure).take(1).get_single_element()


def _read_file(path: Tensor, first: Tensor, count: Tensor, sample_type: str) -> Tensor:
    """Reads frames [first, first + count) as float32 [count] in [-1, 1), channels averaged."""
    if sample_type == MENDED:
        mended = tf.numpy_function(_read_mended, [path, first, count], tf.float32)
        return tf.ensure_shape(mended, [None])
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


def _read_mended(path: bytes, first: np.int64, count: np.int64) -> Waveform:
    return read_span(path.decode(), int(first), int(count))


def _resample(waveform: Tensor, rate: Tensor, sample_rate: int) -> Tensor:
    ratio = tf.cast(sample_rate, tf.float64) / tf.cast(rate, tf.float64)
    delay_in = tf.cast(tf.math.ceil(RESAMPLER_DELAY / tf.minimum(ratio, 1.0)), tf.int32)
    delay_out = tf.cast(tf.round(RESAMPLER_DELAY * tf.maximum(ratio, 1.0)), tf.int32)
    padded = tf.pad(waveform, [[0, delay_in]])
    # What tfio.audio.resample does for one clip, without its map over a batch and its warning.
    resampled = core_ops.io_audio_resample(
        padded[:, tf.newaxis], rate_in=rate, rate_out=tf.constant(sample_rate, tf.int64)
    )
    return resampled[delay_out:, 0]
