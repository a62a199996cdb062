package org.fqss.core

import kotlin.math.PI
import kotlin.math.cos
import kotlin.math.sin

/**
 * The fast Fourier transform of complex numbers, in place.
 *
 * @param size of the transform, a power of two.
 */
internal class Fft(private val size: Int) {
    private val cosines = DoubleArray(size / 2) { cos(2 * PI * it / size) }
    private val sines = DoubleArray(size / 2) { sin(2 * PI * it / size) }

    init {
        require(size >= 2 && size and (size - 1) == 0) { "the size $size is not a power of two" }
    }

    /** Without a factor. With both arguments exchanged it is the inverse, times [size]. */
    fun transform(real: DoubleArray, imaginary: DoubleArray) {
        reorder(real)
        reorder(imaginary)
        var half = 1
        while (half < size) {
            val stride = size / (2 * half)
            for (block in 0 until size step 2 * half) {
                for (k in 0 until half) butterfly(real, imaginary, block + k, block + k + half, k * stride)
            }
            half *= 2
        }
    }

    private fun reorder(values: DoubleArray) {
        for (index in 1 until size) {
            val other = Integer.reverse(index) ushr Integer.numberOfLeadingZeros(size) + 1
            if (other > index) values[index] = values[other].also { values[other] = values[index] }
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
}

/** The periodic Hann window. */
internal fun hannWindow(size: Int) = DoubleArray(size) { 0.5 - 0.5 * cos(2 * PI * it / size) }
