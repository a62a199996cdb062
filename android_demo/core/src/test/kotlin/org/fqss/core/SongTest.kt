package org.fqss.core

import org.junit.After
import org.junit.Assert.assertArrayEquals
import org.junit.Assert.assertEquals
import org.junit.Assert.assertThrows
import org.junit.Assert.assertTrue
import org.junit.Test
import java.io.File
import kotlin.math.abs

class SongTest {
    private val parent = createTempFolder()
    private val song = Golden.int16("song") // of two channels; a segment has 384 samples
    private val samples = song.size / 2
    private val left = Pcm.channels(song, 2)[0]

    @After
    fun removeFiles() {
        parent.deleteRecursively()
    }

    @Test
    fun `a song of several segments is separated as in Python, whatever the blocks`() {
        for (block in listOf(1, 7, 384, 1000, samples)) {
            assertWithinOneStep("song_sources", separated(songEngine(), song, 2, block))
        }
    }

    @Test
    fun `masks that add up to 1 are those of Python`() =
        assertWithinOneStep("song_softmax_sources", separated(songEngine(SpectrogramForm.Masks.SOFTMAX), song, 2, 333))

    @Test
    fun `one channel is heard in both ears, as in Python`() =
        assertWithinOneStep("song_mono_sources", separated(songEngine(), left, 1, 500))

    @Test
    fun `a song that is shorter than a segment is separated as in Python`() =
        assertWithinOneStep("song_short_sources", separated(songEngine(), song.copyOf(200), 2, 30))

    @Test
    fun `as many samples come back as went in, whatever the length`() {
        for (length in listOf(1, 63, 64, 127, 128, 129, 383, 384, 385, 768)) {
            assertEquals(List(2) { 2 * length }, separated(songEngine(), song.copyOf(2 * length), 2, 100).map { it.size })
        }
    }

    @Test
    fun `at another rate both channels keep their place and their length`() {
        val right = ShortArray(song.size) { if (it % 2 == 1) song[it] else 0 }
        val sources = separated(songEngine(), right, 2, 700, rate = 11025)
        for (source in sources) {
            val (silent, sounding) = Pcm.channels(source, 2)
            assertEquals(samples, silent.size)
            assertEquals(0, Level.peak(silent))
            assertTrue(Level.peak(sounding) > 500)
        }
    }

    @Test
    fun `a stereo recording becomes stereo files`() {
        val result = FileSeparation(songEngine(), { Long.MAX_VALUE })
            .run(MemoryRecording(song, 8000, 700, channels = 2), File(parent, "result"))
        assertEquals(listOf("vocals", "accompaniment"), result.sources)
        val expected = separated(songEngine(), song, 2, samples)
        val files = listOf(result.mixtureFile) + result.sources.map(result::sourceFile)
        for ((file, content) in files.zip(listOf(song) + expected)) {
            WavReader(file).use {
                assertEquals(2, it.channels)
                assertEquals(samples.toLong(), it.samples)
                assertArrayEquals(content, it.read(0, samples))
            }
        }
    }

    @Test
    fun `mono stays mono, and more than two channels become mono`() {
        val six = ShortArray(6 * 400) { song[it % song.size] }
        for ((recording, folder) in listOf(MemoryRecording(left, 8000, 700) to "1", MemoryRecording(six, 8000, 600, 6) to "6")) {
            val result = FileSeparation(songEngine(), { Long.MAX_VALUE }).run(recording, File(parent, folder))
            WavReader(result.sourceFile("vocals")).use {
                assertEquals(1, it.channels)
                assertEquals(recording.estimatedSamples, it.samples)
            }
        }
    }

    @Test
    fun `stereo takes twice the space`() {
        val error = assertThrows(SeparationException::class.java) {
            FileSeparation(songEngine(), { 0 }).run(MemoryRecording(ShortArray(2_000_000), 8000, 700, 2), File(parent, "result"))
        }
        assertTrue(error.message, error.message!!.startsWith("The result needs 12 MB and 0 MB are free (125 s of sound)"))
    }

    @Test
    fun `what is played has both channels`() {
        val result = FileSeparation(songEngine(), { Long.MAX_VALUE })
            .run(MemoryRecording(song, 8000, 700, channels = 2), File(parent, "result"))
        Mixdown(result).use { mixdown ->
            assertEquals(2, mixdown.channels)
            assertEquals(samples.toLong(), mixdown.samples)
            mixdown.isMixtureHeard = true
            mixdown.position = 100
            assertArrayEquals(song.copyOfRange(200, 220), mixdown.read(10))
            assertEquals(110L, mixdown.position)
        }
    }

    @Test
    fun `live sound is refused`() {
        val error = assertThrows(SeparationException::class.java) { StreamingSession(songEngine(), 8000) }
        assertEquals(
            "The chosen model separates songs, from files alone: choose another model for live sound.",
            error.message,
        )
    }

    private fun separated(engine: Engine, samples: ShortArray, channels: Int, block: Int, rate: Int = 8000): List<ShortArray> {
        val separation = Separation.of(engine, rate, channels)
        val blocks = samples.toList().chunked(block * channels).map { separation.push(it.toShortArray()) }
        return (blocks + listOf(separation.finish())).reduce { a, b -> a.zip(b) { x, y -> x + y } }
    }

    /** Not bit for bit: Python computes magnitudes and masks in single precision, and its transforms round otherwise. */
    private fun assertWithinOneStep(golden: String, found: List<ShortArray>) =
        Golden.int16(golden).rows(2).zip(found).forEach { (a, b) ->
            assertEquals(a.size, b.size)
            assertTrue("$golden is off by ${a.indices.maxOf { abs(a[it] - b[it]) }}", a.indices.all { abs(a[it] - b[it]) <= 1 })
        }
}
