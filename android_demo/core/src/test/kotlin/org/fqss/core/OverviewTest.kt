package org.fqss.core

import org.junit.Assert.assertEquals
import org.junit.Test
import java.io.File
import kotlin.math.PI
import kotlin.math.sin

class OverviewTest {
    @Test
    fun `columns have the extremes and the tone of their time`() {
        val folder = createTempFolder()
        try {
            val file = File(folder, "tone.wav")
            WavWriter(file, 8000).use { wav ->
                wav.write(ShortArray(4000))
                wav.write(ShortArray(4000) { (16384 * sin(2 * PI * 1000 * it / 8000)).toInt().toShort() })
            }
            val overview = Overview.of(file, 10)
            assertEquals(0f, overview.highest[0], 0f)
            assertEquals(0.5f, overview.highest[9], 1e-3f)
            assertEquals(-0.5f, overview.lowest[9], 1e-3f)
            val bins = overview.decibels[7]
            assertEquals(1000.0, bins.indices.maxByOrNull { bins[it] }!! * 4000.0 / (bins.size - 1), 20.0)
            assertEquals(-6f, bins.maxOf { it }, 0.2f)
        } finally {
            folder.deleteRecursively()
        }
    }

    @Test
    fun `a file that is cut short is refused`() {
        val folder = createTempFolder()
        try {
            val file = File(folder, "cut.wav")
            WavWriter(file, 8000).use { it.write(ShortArray(100)) }
            file.writeBytes(file.readBytes().copyOf(100))
            org.junit.Assert.assertThrows(SeparationException::class.java) { WavReader(file) }
        } finally {
            folder.deleteRecursively()
        }
    }
}
