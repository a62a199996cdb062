package org.fqss.core

import kotlin.math.PI
import kotlin.math.abs
import kotlin.math.ceil
import kotlin.math.sin
import kotlin.math.sqrt

/**
 * Changes the sample rate of a waveform as it comes, by a windowed sinc (Kaiser) without delay.
 *
 * Python has libsoxr here, so the numbers of the two agree to the accuracy of the filters, not bit for bit.
 *
 * @param rateIn,rateOut Hz.
 */
class Resampler(rateIn: Int, rateOut: Int) {
    private val divisor = gcd(rateIn, rateOut)
    private val up = rateOut / divisor
    private val down = rateIn / divisor
    private val cutoff = minOf(1.0, rateOut / rateIn.toDouble()) * PASSED // of half the input's rate
    private val reach = ceil(ZERO_CROSSINGS / cutoff).toInt() // input samples on each side

    /** Of sound that is pushed until it is final; none at equal rates. */
    val delaySeconds = if (up == down) 0.0 else reach / rateIn.toDouble()
    private val kernels = arrayOfNulls<FloatArray>(up)

    private var waiting = FloatArray(reach) // starts with the silence before the recording
    private var firstWaiting = -reach.toLong() // position of waiting[0] in the input
    private var received = 0L
    private var produced = 0L

    /** float32 [samples] at the input's rate; returns what is final by now at the output's. */
    fun push(block: FloatArray): FloatArray {
        if (up == down) return block
        waiting += block
        received += block.size
        return outputsBefore(received - reach)
    }

    /** The rest. All parts together have the input's duration, rounded up to a sample. */
    fun finish(): FloatArray {
        if (up == down) return FloatArray(0)
        waiting += FloatArray(reach + 1)
        return outputsBefore(received)
    }

    /** The outputs that lie before an input position. */
    private fun outputsBefore(position: Long): FloatArray {
        val end = maxOf(produced, Math.floorDiv(position * up + down - 1, down.toLong()))
        val outputs = FloatArray((end - produced).toInt()) { output(produced + it) }
        produced = end
        val keepFrom = (produced * down / up - reach - firstWaiting).coerceIn(0, waiting.size.toLong()).toInt()
        waiting = waiting.copyOfRange(keepFrom, waiting.size)
        firstWaiting += keepFrom
        return outputs
    }

    private fun output(index: Long): Float {
        val centre = index * down / up
        val kernel = kernel((index * down % up).toInt())
        val start = (centre - reach + 1 - firstWaiting).toInt()
        var sum = 0.0
        for (tap in kernel.indices) sum += kernel[tap].toDouble() * waiting[start + tap]
        return sum.toFloat()
    }

    /** Taps for an output that lies phase/up behind an input sample. */
    private fun kernel(phase: Int) = kernels[phase] ?: FloatArray(2 * reach) { tap ->
        val distance = tap - (reach - 1) - phase / up.toDouble()
        (cutoff * sinc(cutoff * distance) * kaiser(distance / reach)).toFloat()
    }.also { kernels[phase] = it }

    private companion object {
        const val ZERO_CROSSINGS = 48
        const val PASSED = 0.95
        const val KAISER_BETA = 10.0 // side lobes below -100 dB

        tailrec fun gcd(a: Int, b: Int): Int = if (b == 0) a else gcd(b, a % b)

        fun sinc(x: Double) = if (x == 0.0) 1.0 else sin(PI * x) / (PI * x)

        fun kaiser(x: Double) = if (abs(x) > 1) 0.0 else bessel(KAISER_BETA * sqrt(1 - x * x)) / bessel(KAISER_BETA)

        /** The modified Bessel function of order 0, by its series. */
        fun bessel(x: Double): Double {
            var term = 1.0
            var sum = 1.0
            var k = 1
            while (term > sum * 1e-12) {
                term *= (x / (2 * k)) * (x / (2 * k))
                sum += term
                k++
            }
            return sum
        }
    }
}
