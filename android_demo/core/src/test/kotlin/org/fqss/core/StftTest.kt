package org.fqss.core

import org.junit.Assert.assertArrayEquals
import org.junit.Assert.assertEquals
import org.junit.Assert.assertThrows
import org.junit.Test
import kotlin.math.PI
import kotlin.math.sin
import kotlin.random.Random

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
    fun `two channels of 4096 samples come back as they were`() {
        val kernel = 4096
        val random = Random(0)
        val channels = List(2) { FloatArray(8 * kernel) { random.nextFloat() - 0.5f } }
        val stft = StereoStft(kernel)
        val all = StereoSpectra(1, kernel / 2)
        val sums = OverlapAdd(kernel, kernel / 4)
        val found = List(2) { FloatArray(8 * kernel) }
        for (start in 0..7 * kernel step kernel / 4) {
            stft.transform(channels, start, all, 0)
            stft.addBack(all, 0, FloatArray(kernel) { 1f }, sums)
            sums.take(found, start)
        }
        // Behind the first frames, which lack those before. The highest frequency is left out.
        for (sample in kernel until 7 * kernel) {
            for (channel in 0..1) assertEquals(channels[channel][sample], found[channel][sample], 0.01f)
        }
    }

    @Test
    fun `both channels have the spectra that they have alone`() {
        val signal = Golden.float32("spectrum_signal")
        val spectra = StereoSpectra(1, 128)
        StereoStft(256).transform(listOf(signal, signal.reversedArray()), 128, spectra, 0)
        val (real, imaginary) = Stft(256).frame(signal, 128)
        val (otherReal, otherImaginary) = Stft(256).frame(signal.reversedArray(), 128)
        for (bin in 0 until 128) {
            assertEquals(real[bin], spectra.real[spectra.at(0, bin, 0)].toDouble(), 1e-5)
            assertEquals(imaginary[bin], spectra.imaginary[spectra.at(0, bin, 0)].toDouble(), 1e-5)
            assertEquals(otherReal[bin], spectra.real[spectra.at(0, bin, 1)].toDouble(), 1e-5)
            assertEquals(otherImaginary[bin], spectra.imaginary[spectra.at(0, bin, 1)].toDouble(), 1e-5)
        }
    }

    @Test
    fun `a size that is no power of two is refused`() {
        assertThrows(IllegalArgumentException::class.java) { Stft(100) }
    }
}
