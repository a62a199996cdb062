package org.fqss.core

import org.junit.AfterClass
import org.junit.Assert.assertEquals
import org.junit.Assert.assertTrue
import org.junit.Test
import java.io.File
import kotlin.math.abs
import kotlin.math.log10

private const val STREAM_START = 29000 // of STREAM_WINDOW in golden_vectors.py
private const val FILE_START = 16000 // of FILE_WINDOW
private const val SEAM_START = 23000 // and of SEAM_WINDOW
private const val SEAM_END = 26000

/** Real inference: the shipped model, and what `fqss-tf separate` writes of the same recording. */
class ShippedModelTest {
    private val mixture = Golden.int16("voices_mixture")
    private val expected = Golden.int16("voices_sources").rows(2)

    @Test
    fun `a file is separated as fqss-tf separates it, within 1 LSB`() {
        val folder = createTempFolder()
        try {
            val recording = MemoryRecording(mixture, 8000, block = 1000)
            val result = FileSeparation(engine, { Long.MAX_VALUE }).run(recording, File(folder, "result"))
            val sources = result.sources.map { source ->
                WavReader(result.sourceFile(source)).use { it.read(0, mixture.size) }
            }
            assertEquals(listOf("speech_1", "speech_2"), result.sources)
            assertWithinOneStep(expected, sources.map { it.copyOfRange(FILE_START, it.size) })
        } finally {
            folder.deleteRecursively()
        }
    }

    @Test
    fun `a voice and its background are separated as fqss-tf separates them, within 1 LSB`() {
        HostRunner.engine(shipped("voice")).use { engine ->
            assertEquals(listOf("voice", "background"), engine.description.sources)
            val separation = Separation.of(engine, 16000)
            val parts = listOf(separation.push(mixture), separation.finish())
            val sources = parts.reduce { a, b -> a.zip(b) { x, y -> x + y } }
            val seam = sources.map { it.copyOfRange(SEAM_START, SEAM_END) }
            assertWithinOneStep(Golden.int16("voice_sources").rows(2), seam)
        }
    }

    @Test
    fun `a stream is separated as fqss-tf separates it, within 1 LSB`() {
        val session = StreamingSession(engine, 8000)
        val parts = mixture.toList().chunked(800).map { session.push(it.toShortArray()) } + listOf(session.finish())
        val sources = parts.reduce { a, b -> a.zip(b) { x, y -> x + y } }
        assertEquals(32000, session.latencySamples)
        assertWithinOneStep(
            Golden.int16("voices_streamed").rows(2),
            sources.map { it.copyOfRange(STREAM_START, it.size) },
        )
    }

    @Test
    fun `at another rate the voices are the same`() {
        val fast = Resampler(8000, 11025).let { it.push(Pcm.toFloat(mixture)) + it.finish() }
        val separation = Separation.of(engine, 11025)
        val samples = Pcm.toInt16(fast)
        val sources = separation.push(samples).zip(separation.finish()) { a, b -> a + b }
        assertEquals(List(2) { samples.size }, sources.map { it.size })
        sources.zip(expected) { source, reference ->
            val slow = Resampler(11025, 8000).let { it.push(Pcm.toFloat(source)) + it.finish() }
            val same = slow.copyOfRange(FILE_START, FILE_START + reference.size)
            assertTrue(signalToDifferenceDb(Pcm.toFloat(reference), same) > 20)
        }
    }

    private fun assertWithinOneStep(expected: List<ShortArray>, found: List<ShortArray>) =
        expected.zip(found).forEach { (a, b) ->
            assertEquals(a.size, b.size)
            assertTrue(a.indices.maxOf { abs(a[it] - b[it]) } <= 1)
        }

    private fun signalToDifferenceDb(reference: FloatArray, found: FloatArray): Double {
        val signal = reference.sumOf { it.toDouble() * it }
        return 10 * log10(signal / reference.indices.sumOf { val d = (reference[it] - found[it]).toDouble(); d * d })
    }

    companion object {
        private val engine by lazy { HostRunner.engine(shipped("two-voices")) }

        @AfterClass
        @JvmStatic
        fun close() = engine.close()
    }
}
