package org.fqss.core

import org.junit.After
import org.junit.Assert.assertArrayEquals
import org.junit.Assert.assertEquals
import org.junit.Assert.assertThrows
import org.junit.Assert.assertTrue
import org.junit.Test
import java.io.File
import java.io.IOException

private const val WAV_HEADERS = 3 * 44L

class FileSeparationTest {
    private val parent = createTempFolder()
    private val folder = File(parent, "result")
    private val engine = standInEngine(800)
    private val samples = Golden.int16("chunks_mixture")

    @After
    fun removeFiles() {
        parent.deleteRecursively()
    }

    @Test
    fun `the result has the mixture and the sources, as long as the recording`() {
        val result = FileSeparation(engine, { Long.MAX_VALUE }).run(MemoryRecording(samples, 8000, 700), folder)
        assertEquals(listOf("first", "second"), result.sources)
        val files = result.sources.map(result::sourceFile) + result.mixtureFile
        for (file in files) {
            WavReader(file).use {
                assertEquals(8000, it.rate)
                assertEquals(samples.size.toLong(), it.samples)
            }
        }
        assertArrayEquals(samples, WavReader(result.mixtureFile).use { it.read(0, samples.size) })
    }

    @Test
    fun `a result that is opened again knows its facts`() {
        val facts = mapOf("model" to "stand-in", "refusal" to "")
        FileSeparation(engine, { Long.MAX_VALUE }, { facts }).run(MemoryRecording(samples, 8000, 700), folder)
        assertEquals(facts, Result(folder).facts)
    }

    @Test
    fun `a folder without a whole result is a message`() {
        val error = assertThrows(SeparationException::class.java) { Result(folder) }
        assertEquals("This result is gone or damaged: separate the recording again.", error.message)
    }

    @Test
    fun `progress goes through both steps to their ends`() {
        val seen = mutableListOf<Progress>()
        FileSeparation(engine, { Long.MAX_VALUE }, onProgress = seen::add).run(MemoryRecording(samples, 8000, 700), folder)
        for (step in Progress.Step.values()) {
            val shares = seen.filter { it.step == step }.map { it.share!! }
            assertEquals(shares.sorted(), shares)
            assertEquals(1.0, shares.last(), 0.0)
        }
    }

    @Test
    fun `channels are averaged and other rates keep their rate`() {
        val stereo = ShortArray(2 * samples.size) { samples[it / 2] }
        val result = FileSeparation(engine, { Long.MAX_VALUE }).run(MemoryRecording(stereo, 11025, 700, 2), folder)
        WavReader(result.sourceFile("first")).use {
            assertEquals(11025, it.rate)
            assertEquals(samples.size.toLong(), it.samples)
        }
    }

    @Test
    fun `cancelling leaves nothing behind`() {
        assertThrows(CancelledException::class.java) {
            FileSeparation(engine, { Long.MAX_VALUE }, isCancelled = { true }).run(MemoryRecording(samples, 8000, 700), folder)
        }
        assertNothingLeft()
    }

    @Test
    fun `a recording without samples is refused`() = assertRefused("The recording holds no samples: choose another file.") {
        FileSeparation(engine, { Long.MAX_VALUE }).run(MemoryRecording(ShortArray(0), 8000, 700), folder)
    }

    @Test
    fun `two hours that do not fit are refused before they are decoded`() {
        val twoHours = SilentRecording(rate = 44100, seconds = 7200)
        assertRefused(
            "The result needs 1906 MB and 500 MB are free (7200 s of sound): free some storage or choose a shorter recording.",
        ) { FileSeparation(engine, { 500_000_000 }).run(twoHours, folder) }
        assertEquals(0, twoHours.blocksRead)
    }

    @Test
    fun `a result that just fits is separated`() {
        val bytes = FileSeparation.neededBytes(samples.size.toLong(), sources = 2, channels = 1) + WAV_HEADERS
        val free = { bytes - parent.walk().filter(File::isFile).sumOf(File::length) }
        FileSeparation(engine, free).run(MemoryRecording(samples, 8000, 700), folder)
        assertEquals(listOf("result"), parent.list()!!.toList())
    }

    @Test
    fun `storage that fills up on the way is a message and leaves nothing behind`() =
        assertRefused("Cannot write the result: no space left. Free some storage and try again.") {
            FileSeparation(engine, { Long.MAX_VALUE }).run(FailingRecording(IOException("no space left")), folder)
        }

    private fun assertRefused(message: String, work: () -> Unit) {
        assertEquals(message, assertThrows(SeparationException::class.java) { work() }.message)
        assertNothingLeft()
    }

    private fun assertNothingLeft() = assertTrue(parent.list()!!.isEmpty())
}

internal class SilentRecording(override val rate: Int, seconds: Int) : Recording {
    var blocksRead = 0
    private var left = rate.toLong() * seconds
    override val channels = 1
    override val estimatedSamples = left

    override fun read(): ShortArray? {
        if (left <= 0) return null
        blocksRead++
        return ShortArray(minOf(left, 1L shl 20).toInt()).also { left -= it.size }
    }

    override fun close() = Unit
}

internal class FailingRecording(private val error: Exception) : Recording {
    override val rate = 8000
    override val channels = 1
    override val estimatedSamples: Long? = null

    override fun read(): ShortArray = throw error

    override fun close() = Unit
}
