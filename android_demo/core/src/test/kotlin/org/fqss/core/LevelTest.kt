package org.fqss.core

import org.junit.Assert.assertArrayEquals
import org.junit.Assert.assertEquals
import org.junit.Test

class LevelTest {
    private val quiet = Golden.int16("level_input")

    @Test
    fun `a segment is brought to its own peak in whole numbers as in Python`() =
        assertSources(Golden.int16("level_running"), Level.levelled(standInEngine(quiet.size), quiet, null))

    @Test
    fun `a segment is brought to the peak of the recording as in Python`() =
        assertSources(Golden.int16("level_utterance"), Level.levelled(standInEngine(quiet.size), quiet, 32768))

    @Test
    fun `floats have the level that Python gives them, bit for bit`() {
        val floats = Pcm.toFloat(quiet)
        val engine = standInEngine(quiet.size)
        val running = Golden.float32("level_float_running").rows(2)
        val utterance = Golden.float32("level_float_utterance").rows(2)
        running.zip(Level.levelled(engine, floats, null)).forEach { (a, b) -> assertArrayEquals(a, b, 0f) }
        utterance.zip(Level.levelled(engine, floats, 0.7f)).forEach { (a, b) -> assertArrayEquals(a, b, 0f) }
    }

    @Test
    fun `silence comes back without running the network`() {
        val runner = HalvedPlanes()
        val sources = Level.levelled(Engine(description(9), runner), ShortArray(9), 100)
        sources.forEach { assertArrayEquals(ShortArray(9), it) }
        assertEquals(0, runner.runs)
    }

    @Test
    fun `the lowest sample has the largest magnitude`() {
        assertEquals(32768, Level.peak(shortArrayOf(32767, -32768)))
        assertEquals(0, Level.peak(ShortArray(0)))
    }

    private fun assertSources(expected: ShortArray, found: List<ShortArray>) =
        expected.rows(2).zip(found).forEach { (a, b) -> assertArrayEquals(a, b) }
}
