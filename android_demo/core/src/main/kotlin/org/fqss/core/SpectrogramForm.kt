package org.fqss.core

/**
 * What a network hears of a stereo recording, and how its logits become masks (fqss_tf.formats).
 *
 * @param kernel window of the STFT in samples, of which a quarter is the [hop].
 * @param bins frequencies that the network hears, from the lowest on.
 * @param frames of a segment.
 */
data class SpectrogramForm(val kernel: Int, val bins: Int, val frames: Int, val masks: Masks) {
    /** Each mask for itself, or all together 1. */
    enum class Masks { SIGMOID, SOFTMAX }

    val hop get() = kernel / WINDOWS

    /** Magnitudes of a segment, and as many logits of each source. */
    val pixels get() = frames * bins * CHANNELS

    companion object {
        const val CHANNELS = 2

        /** Hann windows that lie over each sample. */
        const val WINDOWS = 4
    }
}
