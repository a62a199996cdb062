package org.fqss.core

import kotlin.math.PI
import kotlin.math.cos
import kotlin.math.log10
import kotlin.math.max
import kotlin.math.sin

/**
 * The short-time Fourier transform of real frames with a periodic Hann window.
 *
 * @param size samples per frame, a power of two.
 */
class Stft(val size: Int) {
    val bins = size / 2 + 1

    private val window = DoubleArray(size) { 0.5 - 0.5 * cos(2 * PI * it / size) }
    private val cosines = DoubleArray(size / 2) { cos(2 * PI * it / size) }
    private val sines = DoubleArray(size / 2) { sin(2 * PI * it / size) }

    init {
        require(size >= 2 && size and (size - 1) == 0) { "the size $size is not a power of two" }
    }

    /** One frame, samples [start] until [start] + size, zeros beyond the ends: (real, imaginary), [bins] each. */
    fun frame(samples: FloatArray, start: Int): Pair<DoubleArray, DoubleArray> {
        val real = DoubleArray(size) { window[it] * (samples.getOrNull(start + it) ?: 0f) }
        val imaginary = DoubleArray(size)
        transform(real, imaginary)
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

    private fun transform(real: DoubleArray, imaginary: DoubleArray) {
        for (index in 1 until size) {
            val other = Integer.reverse(index) ushr Integer.numberOfLeadingZeros(size) + 1
            if (other > index) real[index] = real[other].also { real[other] = real[index] }
        }
        var half = 1
        while (half < size) {
            val stride = size / (2 * half)
            for (block in 0 until size step 2 * half) {
                for (k in 0 until half) butterfly(real, imaginary, block + k, block + k + half, k * stride)
            }
            half *= 2
        }
    }

    private fun butterfly(real: DoubleArray, imaginary: DoubleArray, upper: Int, lower: Int, angle: Int) {
        val turnedReal = real[lower] * cosines[angle] + imaginary[lower] * sines[angle]
        val turnedImaginary = imaginary[lower] * cosines[angle] - real[lower] * sines[angle]
        real[lower] = real[upper] - turnedReal
        imaginary[lower] = imaginary[upper] - turnedImaginary
        real[upper] += turnedReal
        imaginary[upper] += turnedImaginary
    }

    private companion object {
        const val FLOOR_POWER = 1e-12
    }
}
