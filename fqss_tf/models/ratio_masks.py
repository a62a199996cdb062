"""Sources of a segment by ratio masks, in TensorFlow, so that a gradient passes through.

``fqss_tf.audio.ratio_masks`` does the same to whole recordings. Here a segment follows itself, as
in a loop: it has as many frames as hops, and each of its samples has all its windows.
"""

from collections.abc import Callable

import tensorflow as tf

from fqss_tf.audio.ratio_masks import EPSILON
from fqss_tf.audio.stft import COMPENSATION, hann
from fqss_tf.formats import CHANNELS, MAGNITUDE_RANGE, SpectrogramForm
from fqss_tf.layers.spectral import MaskedMagnitudes
from fqss_tf.types import Tensor


def looped_estimates(
    mixtures: Tensor, logits_of: Callable[[Tensor], Tensor], form: SpectrogramForm
) -> Tensor:
    """Separates segments of one channel, which the network hears in both ears.

    Args:
        mixtures: float32 [B, T], T = frames * hop.
        logits_of: the network: magnitudes [B, frames, bins, 2] -> logits, both as those of
            ``fqss_tf.audio.ratio_masks.LogitsOf``.
        form: of the network and the segment.

    Returns:
        float32 [B, S, T]; nothing above the frequencies that the network hears.
    """
    ahead = form.kernel - form.hop
    window = tf.constant(hann(form.kernel), tf.float32)
    looped = tf.concat([mixtures, mixtures[:, :ahead]], axis=1)
    spectra = tf.signal.rfft(window * tf.signal.frame(looped, form.kernel, form.hop))
    spectra = spectra[..., : form.bins]
    magnitudes = tf.stack([tf.abs(spectra)] * CHANNELS, axis=-1)
    logits = logits_of(magnitudes / MAGNITUDE_RANGE)
    energies = tf.square(MaskedMagnitudes(form.masks)([logits, magnitudes]))
    shares = (energies + EPSILON / energies.shape[1]) / (
        tf.reduce_sum(energies, axis=1, keepdims=True) + EPSILON
    )
    masked = tf.cast(tf.reduce_mean(shares, axis=-1), spectra.dtype) * spectra[:, None]
    above = form.kernel // 2 + 1 - form.bins
    frames = tf.signal.irfft(tf.pad(masked, [[0, 0]] * 3 + [[0, above]]), [form.kernel])
    added = tf.signal.overlap_and_add(COMPENSATION * window * frames, form.hop)
    start, rest, end = tf.split(added, [ahead, -1, ahead], axis=-1)
    return tf.concat([start + end, rest], axis=-1)
