package org.fqss.core

import kotlin.math.log10
import kotlin.math.max

/**
 * The short-time Fourier transform of real frames with a periodic Hann window.
 *
 * @param size samples per frame, a power of two.
 */
class Stft(val size: Int) {
    val bins = size / 2 + 1

    private val fft = Fft(size)
    private val window = hannWindow(size)

    /** One frame, samples [start] until [start] + size, zeros beyond the ends: (real, imaginary), [bins] each. */
    fun frame(samples: FloatArray, start: Int): Pair<DoubleArray, DoubleArray> {
        val real = DoubleArray(size) { window[it] * (samples.getOrNull(start + it) ?: 0f) }
        val imaginary = DoubleArray(size)
        fft.transform(real, imaginary)
        return real.copyOf(bins) to imaginary.copyOf(bins)
    }

    /** The magnitudes of a frame in dB; a full-scale sine has about 0. */
    fun decibels(samples: FloatArray, start: Int): FloatArray {
        val (real, imaginary) = frame(samples, start)
        val fullScale = size / 4.0
        return FloatArray(bins) {
            val power = (real[it] * real[it] + imaginary[it] * imaginary[it]) / (fullScale * fullScale)
            (10 * log10(max(power, FLOOR_POWER))).toFloat()
        }
    }

    private companion object {
        const val FLOOR_POWER = 1e-12
    }
}
