package org.fqss.core

import org.junit.After
import org.junit.Assert.assertEquals
import org.junit.Assert.assertFalse
import org.junit.Assert.assertNull
import org.junit.Assert.assertThrows
import org.junit.Assert.assertTrue
import org.junit.Test
import java.io.File

class LiveRecorderTest {
    private val parent = createTempFolder()
    private val folder = File(parent, "result")
    private val session = StreamingSession(standInEngine(1200), 8000)
    private val block = ShortArray(800) { (if (it % 2 == 0) 16384 else -16384).toShort() }

    @After
    fun removeFiles() {
        parent.deleteRecursively()
    }

    @Test
    fun `levels, time and real-time factor run along`() {
        var nanoseconds = 0L
        val clock = { nanoseconds.also { nanoseconds += 20_000_000 } } // each block takes 20 ms of its 100
        LiveRecorder(session, folder, { Long.MAX_VALUE }, clock).use { recorder ->
            val first = recorder.push(block)!!
            assertEquals(0.2, first.realTimeFactor!!, 1e-9)
            assertEquals(LiveStatus(0.1, 0.5f, listOf(0f, 0f), first.realTimeFactor), first)
            val second = recorder.push(block)!!
            assertEquals(0.5f, second.sourceLevels[0], 1e-3f)
        }
    }

    @Test
    fun `a tenth of a second of short blocks is one status, of their peak`() {
        LiveRecorder(StreamingSession(stepEngine(2), 8000), folder, { Long.MAX_VALUE }).use { recorder ->
            for (loudest in 1..2) {
                val statuses = (0 until 8).map { recorder.push(ShortArray(100) { _ -> (if (it == 3) 8192 * loudest else 0).toShort() }) }
                assertEquals(List(7) { null }, statuses.dropLast(1))
                assertEquals(0.25f * loudest, statuses.last()!!.mixtureLevel, 1e-3f)
                assertEquals(0.25f * loudest, statuses.last()!!.sourceLevels[0], 1e-3f)
            }
        }
    }

    @Test
    fun `what was said is kept`() {
        val result = LiveRecorder(session, folder, { Long.MAX_VALUE }).use { recorder ->
            repeat(5) { recorder.push(block) }
            recorder.finish()!!
        }
        for (file in result.sources.map(result::sourceFile) + result.mixtureFile) {
            assertEquals(4000L, WavReader(file).use { it.samples })
        }
        assertEquals(listOf("result"), parent.list()!!.toList())
    }

    @Test
    fun `nothing said leaves nothing behind`() {
        assertNull(LiveRecorder(session, folder, { Long.MAX_VALUE }).use { it.finish() })
        assertTrue(parent.list()!!.isEmpty())
    }

    @Test
    fun `full storage is a message`() {
        val error = assertThrows(SeparationException::class.java) {
            LiveRecorder(session, folder, { 1000 }).use { it.push(block) }
        }
        assertEquals("Cannot write the recording: no space left. Free some storage and try again.", error.message)
        assertTrue(parent.list()!!.isEmpty())
    }

    @Test
    fun `storage that fills up ends the recording and keeps it`() {
        var free = Long.MAX_VALUE
        val result = LiveRecorder(session, folder, { free }).use { recorder ->
            repeat(5) { recorder.push(block) }
            assertFalse(recorder.isFull)
            free = 1000
            assertNull(recorder.push(block))
            assertTrue(recorder.isFull)
            recorder.finish()!!
        }
        for (file in result.sources.map(result::sourceFile) + result.mixtureFile) {
            assertEquals(4000L, WavReader(file).use { it.samples })
        }
    }

    @Test
    fun `the real-time factor is that of the last seconds`() {
        val factor = RunningRealTimeFactor(2.0)
        assertNull(factor.value)
        repeat(3) { factor.add(1.0, 4.0) }
        repeat(2) { factor.add(1.0, 0.5) }
        assertEquals(0.5, factor.value!!, 1e-9)
    }
}
