"""Sources of a segment by a network over waveform and spectrogram, in TensorFlow.

``fqss_tf.audio.hybrid`` does the same to recordings. Here a gradient passes through.
"""

import math
from collections.abc import Callable, Sequence

import tensorflow as tf

from fqss_tf.audio.hybrid import AHEAD, EPSILON
from fqss_tf.audio.stft import COMPENSATION, hann
from fqss_tf.formats import CHANNELS, WINDOWS
from fqss_tf.types import Tensor


def hybrid_estimates(
    mixtures: Tensor, network: Callable[[Sequence[Tensor]], tuple[Tensor, Tensor]], kernel: int
) -> Tensor:
    """Separates segments of one channel, which the network hears in both ears.

    Args:
        mixtures: float32 [B, T].
        network: normalized waveforms [B, 1, T, 2] and spectrograms [B, kernel / 2, frames, 4] ->
            those of all sources, [B, 1, T, 2 S] and [B, kernel / 2, frames, 4 S].
        kernel: window of the transform, in samples.

    Returns:
        float32 [B, S, T].
    """
    samples, hop = mixtures.shape[1], kernel // WINDOWS
    ahead = int(AHEAD * hop)
    waveform = tf.stack([mixtures] * CHANNELS, axis=-1)[:, None]
    spectrogram = tf.concat([_spectrogram(mixtures, kernel)] * CHANNELS, axis=-1)
    waveform, wave_mean, wave_deviation = _normalized(waveform)
    spectrogram, mean, deviation = _normalized(spectrogram)
    waves, found = network([waveform, spectrogram])
    bins, frames = spectrogram.shape[1:3]
    apart = tf.reshape(waves * wave_deviation + wave_mean, [-1, samples, waves.shape[-1] // 2, 2])
    parts = tf.reshape(
        found * deviation + mean, [-1, bins, frames, found.shape[-1] // 4, CHANNELS, 2]
    )
    real, imaginary = tf.unstack(tf.reduce_mean(parts, axis=4), axis=-1)
    spectra = tf.transpose(tf.complex(real, imaginary), [0, 3, 2, 1])
    whole = tf.pad(spectra, [[0, 0], [0, 0], [0, 0], [0, 1]])
    window = tf.constant(COMPENSATION * math.sqrt(kernel) * hann(kernel), tf.float32)
    pieces = tf.signal.irfft(whole, [kernel]) * window
    added = tf.signal.overlap_and_add(pieces, hop)[..., ahead : ahead + samples]
    return tf.transpose(tf.reduce_mean(apart, axis=-1), [0, 2, 1]) + added


def _spectrogram(mixtures: Tensor, kernel: int) -> Tensor:
    """Real and imaginary parts, float32 [B, kernel / 2, frames, 2]."""
    samples, hop = mixtures.shape[1], kernel // WINDOWS
    ahead = int(AHEAD * hop)
    behind = ahead + -(-samples // hop) * hop - samples
    padded = tf.pad(mixtures, [[0, 0], [ahead, behind]], "REFLECT")
    windowed = tf.signal.frame(padded, kernel, hop) * tf.constant(hann(kernel), tf.float32)
    spectra = tf.signal.rfft(windowed)[..., :-1]
    pairs = tf.stack([tf.math.real(spectra), tf.math.imag(spectra)], axis=-1)
    return tf.transpose(pairs, [0, 2, 1, 3]) / math.sqrt(kernel)


def _normalized(values: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """As ``fqss_tf.audio.hybrid.normalized``, for each item of the batch."""
    axes = [1, 2, 3]
    count = math.prod(values.shape[1:])
    mean = tf.reduce_mean(values, axis=axes, keepdims=True)
    variance = tf.reduce_sum(tf.square(values - mean), axis=axes, keepdims=True) / (count - 1)
    deviation = tf.sqrt(variance)
    return (values - mean) / (EPSILON + deviation), mean, deviation
