package org.fqss.core

import org.junit.Assert.assertArrayEquals
import org.junit.Assert.assertEquals
import org.junit.Test

class StepsTest {
    private val mixture = Golden.int16("steps_mixture")

    @Test
    fun `16 bits step by step are what Python gives, whatever the blocks`() {
        for (block in listOf(1, 7, 100, 333, mixture.size)) {
            val found = streamed(stepEngine(2), mixture, block)
            assertSame("blocks of $block", Golden.int16("steps_sources").rows(2), found)
        }
    }

    @Test
    fun `floats step by step are what Python gives, bit for bit`() {
        val steps = Steps(SampleType.Float32, stepEngine(1), StepLevel.Float32)
        val found = steps.push(Pcm.toFloat(mixture)).zip(steps.finish()) { a, b -> a + b }
        Golden.float32("steps_float_sources").rows(2).zip(found).forEach { (a, b) -> assertArrayEquals(a, b, 0f) }
    }

    @Test
    fun `a sound is separated after a step and the lag`() {
        val session = StreamingSession(stepEngine(2), 8000)
        assertEquals(100 + STEP_LAG, session.latencySamples)
        assertEquals(0, session.push(ShortArray(99))[0].size)
        assertEquals(100 - STEP_LAG, session.push(ShortArray(1))[0].size)
        assertEquals(STEP_LAG, session.finish()[0].size)
    }

    @Test
    fun `at another rate as much comes back, in the time that is said`() {
        val session = StreamingSession(stepEngine(2), 44100)
        val given = 44100
        val ready = session.push(ShortArray(given) { 1000 })[0].size
        assertEquals(true, given - ready <= session.latencySamples)
        assertEquals(given - ready, session.finish()[0].size)
    }

    @Test
    fun `nothing is nothing`() =
        assertEquals(listOf(0, 0), StreamingSession(stepEngine(2), 8000).finish().map { it.size })

    /** Real inference: what `fqss-tf separate --stream` gives of the same sound. */
    @Test
    fun `the shipped step models give what fqss-tf gives, bit for bit`() {
        for ((model, golden) in listOf("two-voices-stream" to "voices_stepped", "voice-stream" to "voice_stepped")) {
            HostRunner.engine(shipped(model)).use { engine ->
                val expected = Golden.int16(golden).rows(2)
                val mixture = Golden.int16("voices_mixture").copyOf(expected[0].size)
                assertSame(model, expected, streamed(engine, mixture, block = 128))
            }
        }
    }

    private fun streamed(engine: Engine, mixture: ShortArray, block: Int): List<ShortArray> {
        val session = StreamingSession(engine, engine.description.sampleRate)
        val parts = mixture.toList().chunked(block).map { session.push(it.toShortArray()) } + listOf(session.finish())
        return parts.reduce { a, b -> a.zip(b) { x, y -> x + y } }
    }

    private fun assertSame(message: String, expected: List<ShortArray>, found: List<ShortArray>) =
        expected.zip(found).forEach { (a, b) -> assertArrayEquals(message, a, b) }
}
