package org.fqss.core

import org.junit.Assert.assertArrayEquals
import org.junit.Assert.assertEquals
import org.junit.Assert.assertThrows
import org.junit.Test
import kotlin.math.PI
import kotlin.math.sin

class StftTest {
    @Test
    fun `spectra are those of numpy`() {
        val stft = Stft(256)
        val signal = Golden.float32("spectrum_signal")
        val found = listOf(0, 128, 444).flatMap { start -> stft.frame(signal, start).toList() }
        assertArrayEquals(Golden.float64("spectra"), found.flatMap { it.toList() }.toDoubleArray(), 1e-6)
    }

    @Test
    fun `a full-scale sine has 0 dB in its bin`() {
        val sine = FloatArray(512) { sin(2 * PI * 32 * it / 512).toFloat() }
        val decibels = Stft(512).decibels(sine, 0)
        assertEquals(32, decibels.indices.maxByOrNull { decibels[it] })
        assertEquals(0f, decibels[32], 0.01f)
    }

    @Test
    fun `what lies beyond the end is silence`() =
        assertEquals(-120f, Stft(64).decibels(FloatArray(10) { 1f }, 10).maxOf { it }, 0f)

    @Test
    fun `a size that is no power of two is refused`() {
        assertThrows(IllegalArgumentException::class.java) { Stft(100) }
    }
}
