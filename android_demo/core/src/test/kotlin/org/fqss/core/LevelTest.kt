package org.fqss.core

import org.junit.Assert.assertArrayEquals
import org.junit.Assert.assertEquals
import org.junit.Test

class LevelTest {
    private val recording = Golden.int16("level_input")
    private val engine = Engine(description(recording.size + 100, sampleRate = 400), HalvedPlanes())

    @Test
    fun `a segment is brought to full scale in whole numbers as in Python`() =
        Golden.int16("level_sources").rows(2).zip(Level.levelled(engine, recording)).forEach { (a, b) -> assertArrayEquals(a, b) }

    @Test
    fun `floats have the level that Python gives them, bit for bit`() {
        val found = Level.levelled(engine, Golden.float32("level_float_input"))
        Golden.float32("level_float_sources").rows(2).zip(found).forEach { (a, b) -> assertArrayEquals(a, b, 0f) }
    }

    @Test
    fun `an offset is silence, which comes back without running the network`() {
        val runner = HalvedPlanes()
        val sources = Level.levelled(Engine(description(9), runner), ShortArray(9) { 100 })
        sources.forEach { assertArrayEquals(ShortArray(9), it) }
        assertEquals(0, runner.runs)
    }

    @Test
    fun `the lowest sample has the largest magnitude`() {
        assertEquals(32768, Level.peak(shortArrayOf(32767, -32768)))
        assertEquals(0, Level.peak(ShortArray(0)))
    }
}
