package org.fqss.core

import org.junit.Assert.assertArrayEquals
import org.junit.Assert.assertEquals
import org.junit.Assert.assertTrue
import org.junit.Test
import kotlin.math.PI
import kotlin.math.sin

class ResamplerTest {
    @Test
    fun `the result is that of libsoxr, far below what 16 bits resolve of speech`() {
        val signal = Golden.float32("rate_8000")
        for (rate in listOf(5000, 11025)) {
            val expected = Golden.float32("rate_$rate")
            val found = resampled(signal, 8000, rate, 500)
            assertEquals(expected.size.toDouble(), found.size.toDouble(), 1.0)
            if (rate > 5000) assertTrue(largestDifference(expected, found) < 3e-5) // 2600 Hz does not pass at 5000
            else assertTrue(largestDifference(expected, found) < 1e-3)
        }
    }

    @Test
    fun `blocks of any size give the same numbers`() {
        val signal = Golden.float32("rate_8000")
        val whole = resampled(signal, 8000, 44100, signal.size)
        for (block in listOf(1, 10, 333)) assertArrayEquals(whole, resampled(signal, 8000, 44100, block), 0f)
    }

    @Test
    fun `frequencies above half the new rate vanish`() {
        val tone = FloatArray(20000) { sin(2 * PI * 6000 * it / 44100).toFloat() }
        val found = resampled(tone, 44100, 8000, 4096)
        assertTrue(Level.peak(found.copyOfRange(200, found.size - 200)) < 1e-4)
    }

    @Test
    fun `the same rate changes nothing`() {
        val signal = Golden.float32("rate_8000")
        assertArrayEquals(signal, resampled(signal, 16000, 16000, 77), 0f)
    }

    private fun resampled(signal: FloatArray, from: Int, to: Int, block: Int): FloatArray {
        val resampler = Resampler(from, to)
        val parts = signal.indices.step(block).map {
            resampler.push(signal.copyOfRange(it, minOf(it + block, signal.size)))
        }
        return (parts + listOf(resampler.finish())).reduce(FloatArray::plus)
    }

    private fun largestDifference(a: FloatArray, b: FloatArray) =
        (0 until minOf(a.size, b.size)).maxOf { Math.abs(a[it] - b[it]) }
}
